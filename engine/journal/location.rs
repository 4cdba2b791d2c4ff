//! Where a journal is, as the command line names it.

use std::path::PathBuf;

/// Where a journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// Why a location can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing was named.
    #[error("the journal's location is empty; name a file: --store PATH or --store sqlite:PATH")]
    Empty,
    /// A database server.
    #[error(
        "a journal in PostgreSQL is not in this version ({0}://…); name a file: --store PATH or --store sqlite:PATH"
    )]
    Postgres(String),
    /// A scheme that means nothing here.
    #[error(
        "{0}:// is no kind of journal this version knows; name a file: --store PATH or --store sqlite:PATH"
    )]
    Scheme(String),
    /// SQLite's name for a database that ends with the process.
    #[error("a journal in memory would be lost with the process; name a file: --store PATH")]
    Memory,
}

impl Location {
    /// Returns the location that `text` names: a path, or `sqlite:PATH`.
    ///
    /// # Errors
    ///
    /// Empty text, `:memory:`, `postgres://…` and every other scheme are refused by name.
    pub fn parse(text: &str) -> Result<Location, LocationError> {
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        if path.is_empty() {
            return Err(LocationError::Empty);
        }
        if path == ":memory:" {
            return Err(LocationError::Memory);
        }
        if let Some((scheme, _)) = path.split_once("://")
            && !scheme.is_empty()
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        {
            return Err(match scheme {
                "postgres" | "postgresql" => LocationError::Postgres(scheme.to_owned()),
                _ => LocationError::Scheme(scheme.to_owned()),
            });
        }
        Ok(Location::Sqlite(PathBuf::from(path)))
    }

    /// Returns the file.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Location::Sqlite(path) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PathBuf {
        Location::parse(text).unwrap().path().to_owned()
    }

    #[test]
    fn a_path_and_a_sqlite_location_name_the_same_file() {
        assert_eq!(path("/var/lib/j.db"), PathBuf::from("/var/lib/j.db"));
        assert_eq!(path("sqlite:/var/lib/j.db"), PathBuf::from("/var/lib/j.db"));
        assert_eq!(path("sqlite:///var/lib/j.db"), PathBuf::from("/var/lib/j.db"));
        assert_eq!(path("odd:name.db"), PathBuf::from("odd:name.db"));
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        let refused = |text: &str| Location::parse(text).unwrap_err().to_string();
        assert!(refused("postgres://db/x").contains("PostgreSQL is not in this version (postgres://…)"));
        assert!(refused("postgresql://db/x").contains("postgresql"));
        assert!(refused("mysql://db/x").starts_with("mysql://"));
        assert!(refused("sqlite:").contains("empty"));
        assert!(refused(":memory:").contains("in memory"));
    }
}
