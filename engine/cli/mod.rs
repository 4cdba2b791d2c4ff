//! Raw arguments → resolved settings → one file per verb; exit codes; hints.
//!
//! Everything a person types comes in here and everything they read goes out from here. [`args`] is what may be typed,
//! [`settings`] what holds, [`verbs`] what is done, [`error`] what went wrong, [`exit`] how it ends.

pub mod anew;
pub mod args;
pub mod book;
pub mod bug;
mod by_hand;
pub mod changed;
mod changing;
mod completing;
pub mod console;
pub mod detach;
pub mod environment;
pub mod error;
pub mod exit;
pub mod gather;
mod help;
mod known;
mod logging;
mod manual;
mod menu;
pub mod observed;
pub mod observing;
pub mod outputs;
mod past;
pub mod people;
pub mod plan_difference;
pub mod plan_file;
pub mod plan_page;
pub mod planned;
mod printed;
pub mod prompt;
pub mod settings;
mod shell_line;
mod start;
pub mod steps;
pub mod stores;
pub mod terminal;
pub mod test_cases;
pub mod test_page;
pub mod tools;
mod undoing;
pub mod verbs;
pub mod view;
mod waiting;
pub mod watch;
mod written_files;

pub use help::command_line;
pub use start::start;
