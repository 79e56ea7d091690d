//! What can go wrong with the journal, in the terms a person can act on.

/// Result of a journal call.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed journal call. Nothing of it was applied, except perhaps where the connection to the server broke
/// ([`Error::Unreachable`]): then only reading again tells.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no journal at this place.
    #[error("there is no journal at {place}; `keywheel init` makes one, no other command does")]
    Missing {
        /// The URL without credentials.
        place: String,
    },
    /// There is one already.
    #[error("there is a journal at {place} already; nothing was changed")]
    Exists {
        /// The URL without credentials.
        place: String,
    },
    /// The database holds somebody else's tables.
    #[error(
        "the database at {place} belongs to another program; give the journal one of its own, \
         nothing was changed"
    )]
    Foreign {
        /// The URL without credentials.
        place: String,
    },
    /// The address of the journal is not one of ours.
    #[error(
        "`{place}` is not a journal's address; write sqlite://FILE or postgres://HOST/DATABASE"
    )]
    Address {
        /// As written, without credentials.
        place: String,
    },
    /// The tables are of a newer keywheel.
    #[error(
        "the journal at {place} was written by a newer keywheel (migration {found}, this one knows {known}); \
         install that version or a later one, nothing was changed"
    )]
    Newer {
        /// The URL without credentials.
        place: String,
        /// Newest migration found.
        found: i64,
        /// Newest migration known.
        known: i64,
    },
    /// The file is damaged.
    #[error(
        "the journal at {place} is damaged ({reason}); keep the file, restore a backup beside it, \
         nothing is revoked meanwhile"
    )]
    Corrupt {
        /// The URL without credentials.
        place: String,
        /// The database's words.
        reason: String,
    },
    /// It cannot be written.
    #[error(
        "the journal at {place} cannot be written ({reason}); every old credential still works"
    )]
    ReadOnly {
        /// The URL without credentials.
        place: String,
        /// The database's words.
        reason: String,
    },
    /// The disk is full.
    #[error(
        "the disk of the journal at {place} is full; free space, every old credential still works"
    )]
    Full {
        /// The URL without credentials.
        place: String,
    },
    /// The server or file does not answer.
    #[error("the journal at {place} does not answer: {reason}")]
    Unreachable {
        /// The URL without credentials.
        place: String,
        /// The database's words.
        reason: String,
    },
    /// Somebody else holds the row now; all local state is to be forgotten.
    #[error("the lease was lost to another replica")]
    Lost,
    /// Somebody changed what this step rests on since it was read; nothing was applied, it is to be read again.
    #[error("somebody else changed the rotation meanwhile")]
    Stale,
    /// The transaction met another one; it may be tried again.
    #[error("the journal is busy: {reason}")]
    Busy {
        /// The database's words.
        reason: String,
    },
    /// What was asked for breaks a rule; the sentence says which.
    #[error("{0}")]
    Refused(String),
    /// A row that this version cannot read.
    #[error("the journal holds a row this version cannot read: {0}")]
    Unreadable(String),
    /// Anything else.
    #[error("the journal at {place} failed: {reason}")]
    Failed {
        /// The URL without credentials.
        place: String,
        /// The database's words.
        reason: String,
    },
}

impl Error {
    /// Whether the same transaction may simply be run again.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Sorts a database error by what it means for the operator.
    pub(super) fn from_sqlx(place: &str, error: &sqlx::Error) -> Self {
        let place = place.to_owned();
        let reason = error.to_string();
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            Some("40001" | "40P01" | "5" | "6" | "261" | "517") => Self::Busy { reason },
            // Also SQLite's errors of writing, syncing, truncating and growing a file.
            Some(
                "8" | "264" | "520" | "776" | "1032" | "1544" | "25006" | "778" | "1034" | "1546"
                | "4874",
            ) => Self::ReadOnly { place, reason },
            Some("13" | "53100") => Self::Full { place },
            Some("11" | "26" | "267" | "523" | "XX001") => Self::Corrupt { place, reason },
            Some("14" | "57P01" | "57P03" | "53300") => Self::Unreachable { place, reason },
            _ if matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => {
                Self::Unreachable { place, reason }
            }
            _ => Self::Failed { place, reason },
        }
    }
}
