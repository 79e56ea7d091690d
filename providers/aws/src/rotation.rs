//! Issuer `aws-rotation`: has AWS carry out the rotation that a secret has of its own, and watches it.

use crate::calls::{Calls, Value};
use crate::options::RotationOptions;
use crate::secret::{PREVIOUS, Secret};
use crate::shape::check;
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, ErrorKind, Fields, Find, Found,
    Issuer, IssuerCapabilities, Liveness, Place, Result, SecretValue, Style, Tag,
};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// One call looks this often, and this many times, before it says that AWS is not through yet: in all less than the
/// engine gives a call.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOKS: u32 = 8;

/// A secret that AWS rotates. A credential is a version of it, named by the tag that it was asked for with.
pub struct RotationIssuer {
    calls: Calls,
    secret: String,
}

/// How far AWS is with one version.
enum Stage {
    /// Nothing is known of it, and nothing else is under way.
    NotBegun,
    UnderWay,
    /// It is current.
    Over,
}

impl RotationIssuer {
    /// An issuer as configured; relative paths count from `base`. Nothing is called yet, and no credential is read.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together.
    pub fn new(options: &RotationOptions, base: &Path) -> Result<Self> {
        options.store.check()?;
        check(&whole(&options.secret))?;
        Ok(Self {
            calls: Calls::new(options.store.clone(), base),
            secret: options.secret.clone(),
        })
    }

    async fn described(&self) -> Result<Secret> {
        let (path, seen) = (&self.secret, self.calls.describe(&self.secret).await?);
        let secret = seen.ok_or_else(|| Error::invalid(format!("`{path}` does not exist")))?;
        secret.ensure_delegated(path)?;
        Ok(secret)
    }

    /// How far AWS is with the version of this token.
    ///
    /// # Errors
    /// `Unavailable`: it is at another version. `Invalid`: it gave this one up, or has replaced it again.
    async fn stage(&self, token: &str) -> Result<Stage> {
        let secret = self.described().await?;
        if secret.current() == Some(token) {
            return Ok(Stage::Over);
        }
        match secret.under_way() {
            Some(version) if version == token => return Ok(Stage::UnderWay),
            Some(other) => return Err(self.busy(&secret, other)),
            None => {}
        }
        // A version without a label is in no description, and one without a value in no list.
        let versions = self.calls.versions(&self.secret).await?;
        match versions.find(token) {
            Found::Absent if secret.labels_of(token).is_empty() => Ok(Stage::NotBegun),
            _ => Err(self.given_up(&secret, token)),
        }
    }

    fn busy(&self, secret: &Secret, version: &str) -> Error {
        Error::unavailable(format!(
            "AWS is rotating `{}` to version {version}, which keywheel did not ask for, or gave up there: nothing was \
             started; see {}, and take AWSPENDING from that version once its rotation is known to be dead",
            self.secret,
            log_of(secret)
        ))
    }

    fn given_up(&self, secret: &Secret, token: &str) -> Error {
        Error::invalid(format!(
            "AWS was asked to rotate `{}` to version {token}, and shows {} instead: its rotation was given up, or \
             somebody rotated again since; see {}",
            self.secret,
            secret.current().unwrap_or("no version"),
            log_of(secret)
        ))
    }

    /// Starts it unless it is started. Whoever cannot tell whether it was looks again before anything is sent.
    async fn begin(&self, token: &str) -> Result<Stage> {
        match self.stage(token).await? {
            Stage::NotBegun => {}
            stage => return Ok(stage),
        }
        match self.calls.rotate(&self.secret, token).await {
            Ok(()) => Ok(Stage::UnderWay),
            // AWS refuses while a rotation is under way: perhaps ours, by a call whose answer was lost.
            Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::Conflict { .. }) => {
                match self.stage(token).await? {
                    Stage::NotBegun => Err(error),
                    stage => Ok(stage),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Looks until the version is current.
    ///
    /// # Errors
    /// `UnknownOutcome`: it is not yet; what is asked next is the same again.
    async fn watch(&self, token: &str) -> Result<()> {
        for _ in 0..LOOKS {
            match self.stage(token).await {
                Ok(Stage::Over) => return Ok(()),
                // Right after the start it may not be shown yet.
                Ok(Stage::UnderWay | Stage::NotBegun) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) if error.kind == ErrorKind::Invalid => return Err(error),
                Err(error) => return Err(Error::unknown_outcome(error.message)),
            }
        }
        Err(Error::unknown_outcome(format!(
            "AWS is rotating `{}` to version {token} and is not through yet; where it hangs, see the log of its \
             rotation, and `aws secretsmanager cancel-rotate-secret` ends it, and AWS's schedule with it",
            self.secret
        )))
    }

    /// The value that AWS's rotation made.
    ///
    /// # Errors
    /// `UnknownOutcome`: it cannot be read now. `Invalid`: it is the one from before.
    async fn made(&self, token: &str) -> Result<Value> {
        let doubt = |error: Error| Error::unknown_outcome(error.message);
        let path = &self.secret;
        let secret = self.described().await.map_err(doubt)?;
        let value = self.calls.value(path, token).await.map_err(doubt)?;
        let Some(before) = secret.with(PREVIOUS) else {
            return Ok(value);
        };
        let before = self.calls.value(path, before).await.map_err(doubt)?;
        match before.bytes.matches(&value.bytes) {
            true => Err(Error::invalid(format!(
                "AWS rotated `{path}` to version {token}, which has the value of the one before; see {}",
                log_of(&secret)
            ))),
            false => Ok(value),
        }
    }
}

#[async_trait]
impl Issuer for RotationIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            // Whether AWS's function leaves the old value alive is not known here: the worse is assumed.
            style: Style::InPlace,
            chosen_by: ChosenBy::Issuer,
            find: Find::ByTag,
            lists_after: Duration::ZERO,
            idempotent_mint: true,
            identifies: false,
            tests: false,
            reversible: false,
            revokes: false,
            activates: false,
            reports_last_use: false,
            sessions: false,
            reuse: false,
            expires: false,
            host_bound: false,
            entropy_bits: None,
        }
    }

    async fn identify(&self, _fields: &Fields) -> Result<Option<CredentialId>> {
        Ok(None)
    }

    async fn check_format(&self, _candidate: &Fields, _previous: Option<&Fields>) -> Result<()> {
        Ok(())
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        let token = token(tag)?;
        match self.begin(token).await? {
            Stage::Over => {}
            Stage::UnderWay | Stage::NotBegun => self.watch(token).await?,
        }
        let value = self.made(token).await?;
        Ok(Credential {
            id: CredentialId::new(token),
            fields: fields(value),
        })
    }

    /// Only the system behind the secret could say.
    async fn test(&self, _credential: &Credential) -> Result<Liveness> {
        Ok(Liveness::Unknown)
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        match self.described().await?.current() == Some(id.as_str()) {
            true => Ok(CredentialState::Active),
            false => Ok(CredentialState::Unknown),
        }
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let (secret, token) = (self.described().await?, token(tag)?);
        let found = match secret.labels_of(token).is_empty() {
            false => true,
            true => self.calls.versions(&self.secret).await?.find(token) != Found::Absent,
        };
        Ok(found
            .then(|| CredentialId::new(token))
            .into_iter()
            .collect())
    }
}

fn whole(path: &str) -> Place {
    Place {
        path: path.to_owned(),
        ..Place::default()
    }
}

/// The name that AWS gives the version: the tag itself, so that a person finds the rotation by it.
fn token(tag: &Tag) -> Result<&str> {
    let text = tag.as_str();
    match (32..=64).contains(&text.len()) {
        true => Ok(text),
        false => Err(Error::invalid(
            "AWS names a version by 32 to 64 characters, which this tag does not have",
        )),
    }
}

fn log_of(secret: &Secret) -> String {
    match &secret.function {
        Some(function) => format!("the log of the function {function}"),
        None => "RotationFailed in CloudTrail".to_owned(),
    }
}

/// The text fields of a JSON object, each by its name, and the whole as `value` unless that is one of them.
fn fields(value: Value) -> Fields {
    let mut fields = match value.binary {
        true => Fields::new(),
        false => texts(&value.bytes),
    };
    if fields.field("value").is_none() {
        fields.insert("value", value.bytes);
    }
    fields
}

fn texts(whole: &SecretValue) -> Fields {
    let object: Option<BTreeMap<String, &RawValue>> =
        serde_json::from_slice(whole.expose_secret()).ok();
    let text = |(name, raw): (String, &RawValue)| {
        let text: String = serde_json::from_str(raw.get()).ok()?;
        Some((name, SecretValue::from(text)))
    };
    object.into_iter().flatten().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::{Tag, Value, fields, token};
    use keywheel_contract::SecretValue;

    fn value(text: &str, binary: bool) -> Value {
        Value {
            bytes: SecretValue::from(text.to_owned()),
            binary,
        }
    }

    #[test]
    fn a_document_is_known_by_its_text_fields_and_as_a_whole() {
        let whole = r#"{"username":"app","password":"exa\"mple","port":5432}"#;
        let read = fields(value(whole, false));
        let text = |name: &str| read.field(name).and_then(SecretValue::expose_secret_str);
        assert_eq!(text("password"), Some("exa\"mple"));
        assert_eq!(text("value"), Some(whole));
        assert_eq!(text("port"), None);
        let own = fields(value(r#"{"value":"example"}"#, false));
        assert_eq!(own.len(), 1);
        for (plain, binary) in [("example", false), (r#"{"a":"b"}"#, true)] {
            assert_eq!(fields(value(plain, binary)).len(), 1);
        }
    }

    #[test]
    fn a_tag_of_the_engine_names_a_version() {
        let tag = |text: &str| token(&Tag::new(text)).is_ok();
        assert!(tag("keywheel-01936d4e-0000-7000-8000-000000000000-12"));
        assert!(!tag("keywheel-1") && !tag(&"x".repeat(65)));
    }
}
