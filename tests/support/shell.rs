//! What means something to a shell.

/// Pieces to make hostile values of. What shows that one broke out is added by the test: it depends on where the value goes.
pub(crate) const PIECES: [&str; 31] = [
    "'", "\"", "`", "$", "\\", "\n", "\r", "\t", " ", ";", "&", "|", "#", "*", "~", "!", "{", "}", "(", ")",
    "<", ">", "=", "-", "%s", "\u{1}", "é", "$x", "EOF\n", "\\'", "if",
];
