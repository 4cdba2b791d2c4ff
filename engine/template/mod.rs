//! The expression language: parsing, strict evaluation, word splitting, shell quoting. Pure.
