//! Text after rendering, in which secrets and values not yet known keep their identity.

use std::sync::Arc;

use super::Secrets;

/// What stands in place of a secret in all that is shown or stored.
pub const MASK: &str = "•••";

/// One piece of rendered text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Plain(String),
    /// The secret of this name.
    Secret(String),
    /// A value that only the run can know.
    Unknown(Unknown),
}

/// A value that only the run can know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Where it comes from, for people: `captured.replicas`, or `from captured.replicas` where it is made of that.
    pub origin: String,
    /// What makes it, where it is not the value itself; only when somebody asked for it.
    pub made: Option<Arc<Made>>,
    /// The condition that decides what it is, when that is not known either.
    pub turns_on: Option<Box<Unknown>>,
    /// How it stands in a command.
    pub spot: Spot,
}

/// What makes a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// The expression, with what is known written out; what it takes from elsewhere are its unknown pieces.
    pub formula: Rendered,
    /// What two values have in common only when they are the same: the formula with nothing left out.
    pub key: String,
    /// Whether it is text for a shell script, and no value that is quoted there.
    pub script: bool,
}

/// How an unknown value stands in a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spot {
    /// In a word, or in no command.
    #[default]
    Word,
    /// As an element of a list, which a list makes several words of, and null none.
    Element,
    /// In a script, outside of quotes.
    Bare,
    /// In a script, between single quotes.
    Single,
    /// In a script, between double quotes.
    Double,
}

impl Unknown {
    /// Returns the value of this origin.
    pub fn of(origin: impl Into<String>) -> Unknown {
        Unknown { origin: origin.into(), ..Unknown::default() }
    }

    /// Returns what tells it from other values of the same step.
    pub fn key(&self) -> &str {
        self.made.as_ref().map_or(&self.origin, |made| &made.key)
    }
}

/// Rendered text. What is shown or stored of it is [`display`](Rendered::display); only the room that starts a
/// process asks for [`reveal`](Rendered::reveal).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The pieces in order.
    pub pieces: Vec<Piece>,
}

impl Rendered {
    /// Returns `text` as it is.
    pub fn plain(text: impl Into<String>) -> Rendered {
        Rendered { pieces: vec![Piece::Plain(text.into())] }
    }

    /// Adds plain text at the end.
    pub fn push_str(&mut self, text: &str) {
        if let Some(Piece::Plain(last)) = self.pieces.last_mut() {
            last.push_str(text);
        } else if !text.is_empty() {
            self.pieces.push(Piece::Plain(text.to_owned()));
        }
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Plain(text) => self.push_str(&text),
            other => self.pieces.push(other),
        }
    }

    /// Returns the text for people and the journal: secrets as `•••`, unknown values as `‹where from›`.
    pub fn display(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text.clone(),
                Piece::Secret(_) => MASK.to_owned(),
                Piece::Unknown(of) => format!("‹{}›", of.origin),
            })
            .collect()
    }

    /// Returns the real text, or `None` when it holds an unknown value or a secret that is not at hand.
    pub fn reveal(&self, secrets: &Secrets) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Secret(name) => text.push_str(secrets.reveal(name)?),
                Piece::Unknown(_) => return None,
            }
        }
        Some(text)
    }

    /// Says whether the text holds what was printed with a secret in it: the secret was masked before anything was kept,
    /// so the real text is gone.
    pub fn is_masked(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Plain(text) if text.contains(MASK)))
    }

    /// Returns the name of the first secret in the text.
    pub fn secret(&self) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Secret(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Returns where the first unknown value in the text comes from.
    pub fn unknown(&self) -> Option<&str> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Unknown(of) => Some(of.origin.as_str()),
            _ => None,
        })
    }
}
