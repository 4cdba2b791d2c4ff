//! Secrets of a document: values that stand in it, and commands that print one.
//!
//! A value is not taken over: what is written into a draft is committed, shown on pages and kept in the record of each run. In its
//! place stands what a person would have written, `<curl-password>`, and in a command that becomes an input of the type `secret`.
//! Every text of the document goes through here before anything else reads it, so that ids, titles, tables and what is only cited
//! are made of the hidden text. With the values put back each line is the line of the document; where a value may have taken a part
//! of a command with it, the command is left to a person.
//!
//! What is known as a secret, and nothing else:
//! - in commands, also those between backticks: what programs and options that are known take as one (`-u a:b`, `mysql -pX`,
//!   `--password X`, `echo X | docker login --password-stdin`), `NAME=X` with the name of a secret, `scheme://user:X@host`; what is put
//!   into a secret of Kubernetes, AWS, Azure, Google, GitHub, Vault, Docker or Fly, whatever its key is and whatever stands before the
//!   program, also in the quotes of `ssh` and `bash -c`; each value in a manifest of a `kind: Secret`;
//! - in every text: `password: X`, `api_key = X` and their like, in JSON, XML and the name and value of Kubernetes too; passwords of
//!   SQL; `Authorization:`; columns and rows of tables with such a name; private keys in PEM; tokens with the form of a known maker, `https://X@host`;
//! - a value that was found once, wherever else it stands, when it is long enough and no mere word.
//!
//! A password in a sentence (`log in as ann with tiger`) can't be told from its other words. So nobody is told that a draft holds no
//! secret: where one was found, the head of the draft says that others may be in it.

mod commands;
mod manifest;
mod names;
mod printers;
mod stores;
mod texts;
mod whole;

pub(super) use printers::{handed, printer};
pub(super) use whole::{Hidden, hidden};
