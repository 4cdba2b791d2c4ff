//! The expression language: parsing, strict evaluation, word splitting, shell quoting. Pure.
//!
//! MiniJinja parses, and lends its values and some of its filters; what is evaluated is a tree of our own, so that
//! nothing is converted, compared or taken for true by accident.

mod base;
mod depth;
mod engine;
mod eval;
mod fault;
mod filters;
mod foreseen;
mod formula;
mod missing;
mod ops;
mod params;
mod parse;
mod predicates;
mod quote;
mod reference;
mod render;
mod scope;
mod shape;
mod shell;
mod syntax;
mod uses;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub use base::{Instance, instances, sub_scope};
pub use engine::Engine;
pub use eval::Truth;
pub use fault::{Fault, TextFault};
pub use filters::FILTERS;
pub use foreseen::part_of_text as part_of;
pub use params::{Misfit, ParamFault, ParamWhy, fit, params, place_of, text_of};
pub use predicates::TESTS;
pub use quote::quote_word;
pub use reference::{FILTER_WORDS, OPERATOR_WORDS, TEST_WORDS, Word};
pub use scope::Scope;
pub use shape::{Lookup, Odd, Shape, Shaped, Stands};
pub use uses::{Condition, Sides, Use, Uses};
pub use value::{
    DataError, Value, from_json, map, origin_of, secret, secret_of, to_json, unknown, unknown_in,
};

/// A fault in one text of a tree.
pub type TreeFault = TextFault;
