//! What a person must decide before a draft is a runbook: listed at the top of the draft and on stderr.

/// What is to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matter {
    /// How a change is undone, and what shows that it worked.
    Undo,
    /// Which step is taken back by what goes back, and whether it does.
    Back,
    /// Whether a command changes anything at all.
    Unknown,
    /// Which of several ways is taken, or whether something is an example only, or a step that the text names.
    Choice,
    /// A value that the document leaves open.
    Value,
    /// A secret that stands in the document, or goes through it.
    Secret,
    /// What only a person can do as it is written.
    ByHand,
    /// What could not be read as a command.
    Unread,
    /// A search that fails where nothing is found.
    Search,
    /// A command that asks for a terminal.
    Terminal,
    /// A block of text that is no command.
    Text,
    /// What holds beyond one command: a folder, a variable.
    Carried,
    /// A table that no step uses yet.
    Table,
}

impl Matter {
    /// Every matter, the gravest first.
    pub const ALL: [Matter; 13] = [
        Matter::Undo,
        Matter::Back,
        Matter::Unknown,
        Matter::Choice,
        Matter::Value,
        Matter::Secret,
        Matter::ByHand,
        Matter::Unread,
        Matter::Search,
        Matter::Terminal,
        Matter::Text,
        Matter::Carried,
        Matter::Table,
    ];

    /// Returns the word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Matter::Undo => "undo",
            Matter::Back => "back",
            Matter::Unknown => "unknown",
            Matter::Choice => "choice",
            Matter::Value => "value",
            Matter::Secret => "secret",
            Matter::ByHand => "by-hand",
            Matter::Unread => "unread",
            Matter::Search => "search",
            Matter::Terminal => "terminal",
            Matter::Text => "text",
            Matter::Carried => "carried",
            Matter::Table => "table",
        }
    }

    /// Returns the question.
    pub fn asks(self) -> &'static str {
        match self {
            Matter::Undo => {
                "These change something. How is each undone (`rollback`), and what shows that it worked (`verify`)?"
            }
            Matter::Back => {
                "For going back, or for when something failed, or maybe so. Whose `rollback` are these? Until then no run does them (`when`)."
            }
            Matter::Unknown => {
                "Nobody here knows whether these change anything. `effect: read`, or `rollback` and `verify`?"
            }
            Matter::Choice => "One way or another, or named in a sentence only: which of them is to run?",
            Matter::Value => {
                "Values that the document leaves open: what may they be (`enum`, `pattern`, `default`)?"
            }
            Matter::Secret => {
                "Secrets: where do they come from (`from`)? The values listed here were not taken over. Others that nothing tells from words may be in this draft: look."
            }
            Matter::ByHand => {
                "A person does these, since as written no run can. Is there a gate or a command for it?"
            }
            Matter::Unread => "Not understood, and left to a person with the text as it stands.",
            Matter::Search => {
                "These fail where the search finds nothing. Is that the good case? A gate can say so."
            }
            Matter::Terminal => "`-t` asks for a terminal, and a step has none. Leave it out?",
            Matter::Text => "No commands, so kept as text. Does a step need them (`stdin`, a file)?",
            Matter::Carried => "What held in the shell from here on. Is it meant for the steps below only?",
            Matter::Table => {
                "Tables, which no step uses yet. Do commands repeat their numbers? Else take them out."
            }
        }
    }
}

/// Something to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// What kind of decision it is.
    pub matter: Matter,
    /// The line of the document.
    pub line: usize,
    /// What it is about: a step, a var, a few words.
    pub about: String,
}
