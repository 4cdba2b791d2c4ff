//! Pages from definitions (grows with the documentation verbs).
