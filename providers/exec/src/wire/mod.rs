//! The JSON of the protocol. What the fields mean is said in `docs/plugins.md`.

pub(crate) mod consumer;
pub(crate) mod issuer;
mod secret;
pub(crate) mod store;

pub(crate) use secret::{Credential, FieldsRef, Sealed, SealedRef, decode_base64};

use keywheel_contract::{Error, ErrorKind, VersionId};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::time::Duration;
use zeroize::Zeroizing;

/// Name and version of the protocol, in every request and in the answer to `describe`.
pub const PROTOCOL: &str = "keywheel.exec/v1";

/// Which of the three traits a program is asked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It honours credentials.
    Issuer,
    /// It keeps published copies.
    Store,
    /// It uses them, or looks at who does.
    Consumer,
}

impl Role {
    /// The word in requests and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Store => "store",
            Self::Consumer => "consumer",
        }
    }
}

/// One request: what every operation has, then what this one has.
#[derive(Serialize)]
pub(crate) struct Request<'a, Q> {
    pub(crate) protocol: &'static str,
    pub(crate) op: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) deadline_ms: u64,
    pub(crate) role: Role,
    pub(crate) config: &'a serde_json::Map<String, serde_json::Value>,
    #[serde(flatten)]
    pub(crate) rest: &'a Q,
}

impl<Q: Serialize> Request<'_, Q> {
    /// The bytes for stdin, in a buffer that is wiped and never grows, for growing leaves copies behind.
    pub(crate) fn encode(&self) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let mut length = Length(0);
        serde_json::to_writer(&mut length, self)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
        serde_json::to_writer(&mut *bytes, self)?;
        Ok(bytes)
    }
}

/// Counts what is written to it.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An operation without fields of its own.
#[derive(Serialize)]
pub(crate) struct Nothing {}

/// An answer that says no more than that it was done.
#[derive(Deserialize)]
pub(crate) struct Done {}

/// What every answer has.
#[derive(Deserialize)]
pub(crate) struct Verdict {
    pub(crate) ok: bool,
    pub(crate) error: Option<Failure>,
}

/// A failed call, as the program tells it.
#[derive(Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) retry_after_ms: Option<u64>,
    pub(crate) seen: Option<VersionId>,
    pub(crate) by: Option<String>,
    pub(crate) url: Option<String>,
}

/// The words of [`Error::word`].
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    NotFound,
    Denied,
    Conflict,
    Throttled,
    Unavailable,
    Invalid,
    NativelyManaged,
    NeedsApproval,
    UnknownOutcome,
}

impl Failure {
    /// The contract's error; every text in it passes through `clean`, and `context` says who speaks.
    pub(crate) fn into_error(self, context: &str, clean: impl Fn(&str) -> String) -> Error {
        let text = |text: Option<String>| clean(text.as_deref().unwrap_or_default());
        let kind = match self.kind {
            Kind::NotFound => ErrorKind::NotFound,
            Kind::Denied => ErrorKind::Denied,
            Kind::Conflict => ErrorKind::Conflict {
                seen: self.seen.map(|seen| VersionId::new(clean(seen.as_str()))),
            },
            Kind::Throttled => ErrorKind::Throttled {
                after: self.retry_after_ms.map(Duration::from_millis),
            },
            Kind::Unavailable => ErrorKind::Unavailable,
            Kind::Invalid => ErrorKind::Invalid,
            Kind::NativelyManaged => ErrorKind::NativelyManaged { by: text(self.by) },
            Kind::NeedsApproval => ErrorKind::NeedsApproval {
                url: text(self.url),
            },
            Kind::UnknownOutcome => ErrorKind::UnknownOutcome,
        };
        let error = Error::new(kind, "");
        let said = clean(&self.message);
        let message = match said.as_str() {
            "" => format!("{context}: it answers `{}` without a message", error.word()),
            said => format!("{context}: {said}"),
        };
        Error { message, ..error }
    }
}

/// The answer to `describe`, apart from the capabilities, which differ by role.
#[derive(Deserialize)]
pub(crate) struct Description<C> {
    pub(crate) protocol: String,
    #[serde(default)]
    pub(crate) version: String,
    pub(crate) ops: Vec<String>,
    pub(crate) capabilities: C,
}

#[cfg(test)]
mod tests {
    use super::{Failure, Nothing, PROTOCOL, Request, Role};
    use keywheel_contract::Error;

    #[test]
    fn a_request_fits_its_buffer_exactly() {
        let request = Request {
            protocol: PROTOCOL,
            op: "describe",
            request_id: "0",
            deadline_ms: 1,
            role: Role::Store,
            config: &serde_json::Map::new(),
            rest: &Nothing {},
        };
        let bytes = request.encode().unwrap();
        assert_eq!(bytes.len(), bytes.capacity());
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.starts_with("{\"protocol\":\"keywheel.exec/v1\",\"op\":\"describe\""));
    }

    #[test]
    fn every_word_of_an_error_reads_back_as_itself() {
        let words = [
            "not_found",
            "denied",
            "conflict",
            "throttled",
            "unavailable",
            "invalid",
            "natively_managed",
            "needs_approval",
            "unknown_outcome",
        ];
        for word in words {
            let failure: Failure =
                serde_json::from_str(&format!("{{\"kind\":\"{word}\",\"later\":1}}")).unwrap();
            let error: Error = failure.into_error("p", str::to_owned);
            assert_eq!(error.word(), word);
            assert!(error.message.contains(word));
        }
        assert!(serde_json::from_str::<Failure>("{\"kind\":\"other\"}").is_err());
    }
}
