//! The issuer: what each verb is at AWS.

use super::calls::Calls;
use super::note::Note;
use super::options::KeyOptions;
use super::trial::trial;
use super::{ID, SECRET};
use async_trait::async_trait;
use aws_sdk_iam::types::StatusType;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, ErrorKind, Fields, Find, Issuer,
    IssuerCapabilities, LastUse, Liveness, Result, SecretValue, Style, Tag,
};
use std::path::Path;
use std::time::Duration;

/// What AWS was told may not be known everywhere for this long. It names no figure; minutes were never seen
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
const SETTLES: Duration = Duration::from_secs(60);
/// A use may be shown this much later: AWS's figure for what it shows of recent activity
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>).
const LAG_MS: i64 = 4 * 60 * 60 * 1_000;
/// Of several uses within this only the first is shown
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html>).
const GRANULARITY: Duration = Duration::from_secs(15 * 60);
/// 40 characters of an alphabet of 64.
const ENTROPY_BITS: u32 = 240;

/// The access keys of one IAM user. A credential is named by its access key id.
pub struct KeyIssuer {
    calls: Calls,
    settles: Duration,
}

impl KeyIssuer {
    /// An issuer as configured; relative paths count from `base`. Nothing is called yet, and no credential is read.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together.
    pub fn new(options: &KeyOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            calls: Calls::new(options.clone(), base),
            settles: SETTLES,
        })
    }

    /// The same for a server that shows what it was told after this long.
    #[must_use]
    pub fn settling_in(self, settles: Duration) -> Self {
        Self { settles, ..self }
    }

    /// Whoever ends the key that it signs with can end nothing more, and cannot take it back.
    async fn ensure_not_own(&self, id: &str) -> Result<()> {
        match self.calls.own().await?.iter().any(|own| own == id) {
            false => Ok(()),
            true => Err(Error::invalid(format!(
                "keywheel itself signs with access key {id}, which it could not end: give the issuer another \
                 identity than `{}`; nothing was changed",
                self.calls.options.user
            ))),
        }
    }

    /// Writes the note. One whose answer was lost is looked for: nothing may be made that is not announced.
    async fn announce(&self, note: &Note) -> Result<()> {
        match self.calls.announce(note).await {
            Err(lost) if lost.kind == ErrorKind::UnknownOutcome => {
                match self.calls.note().await?.as_ref() == Some(note) {
                    true => Ok(()),
                    false => Err(lost),
                }
            }
            done => done,
        }
    }

    /// The user has no such key: nobody has it, or somebody else.
    async fn gone(&self, id: &CredentialId) -> Result<()> {
        let user = &self.calls.options.user;
        match self.calls.last_use(id.as_str()).await {
            Ok(seen) if !seen.user.is_empty() && seen.user != *user => {
                Err(Error::invalid(format!(
                    "access key {id} is one of `{}`, not of `{user}`: nothing was changed",
                    seen.user
                )))
            }
            // Of a key that is gone AWS may say so, or that we may not ask.
            _ => Ok(()),
        }
    }

    /// Keys that only the announced call can have made. What it made and lost nobody can have used; that no use is shown
    /// says little of a stranger's, for AWS may show one hours later ([`LAG_MS`]).
    async fn made_by(&self, note: &Note) -> Result<Vec<CredentialId>> {
        let mut made = Vec::new();
        for key in self.calls.keys().await? {
            if note.may_have_made(&key.id, key.made_ms)
                && self.calls.last_use(&key.id).await?.at_ms.is_none()
            {
                made.push(CredentialId::new(key.id));
            }
        }
        Ok(made)
    }
}

#[async_trait]
impl Issuer for KeyIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::TwoSlots,
            chosen_by: ChosenBy::Issuer,
            find: Find::ByTag,
            lists_after: self.settles,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: true,
            revokes: true,
            activates: false,
            reports_last_use: true,
            sessions: false,
            reuse: false,
            expires: false,
            host_bound: false,
            entropy_bits: Some(ENTROPY_BITS),
        }
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let Some(id) = fields.field(ID).and_then(SecretValue::expose_secret_str) else {
            return Ok(None);
        };
        let keys = self.calls.keys().await?;
        Ok(keys
            .iter()
            .find(|key| key.id == id)
            .map(|key| CredentialId::new(&key.id)))
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let has = |name: &str, fits: fn(&str) -> bool| {
            let text = candidate.field(name);
            let text = text.and_then(SecretValue::expose_secret_str);
            match text.is_some_and(fits) {
                true => Ok(()),
                false => Err(Error::invalid(format!(
                    "`{name}` is not that of an access key"
                ))),
            }
        };
        has(ID, is_id)?;
        has(SECRET, is_secret)?;
        match previous.is_some_and(|previous| previous.matches(candidate)) {
            true => Err(Error::invalid("the access key is the previous one")),
            false => Ok(()),
        }
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        let before = self.calls.with_room().await?;
        for key in &before {
            self.ensure_not_own(&key.id).await?;
        }
        let note = Note {
            tag: tag.as_str().to_owned(),
            at_ms: self.calls.clock.now_ms() / 1_000 * 1_000,
            before: before.into_iter().map(|key| key.id).collect(),
        };
        self.announce(&note).await?;
        self.calls.create().await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        trial(&self.calls, credential, self.settles).await
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let keys = self.calls.keys().await?;
        match keys.iter().find(|key| key.id == id.as_str()) {
            Some(key) => Ok(key.state),
            None => self.gone(id).await.map(|()| CredentialState::Absent),
        }
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let note = self.calls.note().await?;
        let Some(note) = note.filter(|note| note.announces(tag)) else {
            return Ok(Vec::new());
        };
        let made = self.made_by(&note).await?;
        match made.len() {
            0 | 1 => Ok(made),
            _ => Err(Error::invalid(format!(
                "`{}` got two access keys in the minute of ours, {} and {}: delete the one that nobody uses",
                self.calls.options.user, made[0], made[1]
            ))),
        }
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        self.ensure_not_own(id.as_str()).await?;
        match self.calls.set(id, StatusType::Inactive).await {
            Err(error) if error.kind == ErrorKind::NotFound => self.gone(id).await,
            done => done,
        }
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        self.calls.set(&credential.id, StatusType::Active).await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        self.ensure_not_own(id.as_str()).await?;
        match self.calls.delete(id).await {
            Err(error) if error.kind == ErrorKind::NotFound => self.gone(id).await,
            done => done,
        }
    }

    async fn last_used(&self, id: &CredentialId) -> Result<LastUse> {
        let seen = self.calls.last_use(id.as_str()).await?;
        Ok(LastUse {
            at_ms: seen.at_ms,
            as_of_ms: self.calls.clock.now_ms() - LAG_MS,
            granularity: GRANULARITY,
        })
    }
}

/// As AWS writes them: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html>.
fn is_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric())
}

fn is_secret(text: &str) -> bool {
    text.len() == 40
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"+/".contains(&c))
}
