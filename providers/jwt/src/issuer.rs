//! The issuer.

use crate::jwks::Standing;
use crate::key::{self, Public};
use crate::options::JwtKeyOptions;
use crate::published::Published;
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, SecretValue, Style, Tag,
};
use keywheel_signing::Algorithm;
use std::path::Path;
use std::time::Duration;

/// Keys that sign tokens. Each is of the fields `private_key` and `kid`.
pub struct JwtKeyIssuer {
    published: Published,
    algorithm: Algorithm,
}

impl JwtKeyIssuer {
    /// An issuer by these options; relative paths count from `base`. Nothing is read or called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub fn new(options: &JwtKeyOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            published: Published::new(options, base)?,
            algorithm: options.algorithm,
        })
    }
}

fn public(fields: &Fields) -> Result<Public> {
    let private = fields.field("private_key");
    key::public(private.ok_or_else(|| Error::invalid("the credential has no field `private_key`"))?)
}

#[async_trait]
impl Issuer for JwtKeyIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Overlap,
            chosen_by: ChosenBy::Keywheel,
            find: Find::ByValue,
            lists_after: Duration::ZERO,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: true,
            revokes: true,
            // The signer is a consumer, and told as all are.
            activates: false,
            reports_last_use: false,
            sessions: false,
            reuse: true,
            expires: false,
            host_bound: true,
            // What the weakest is worth, RSA with 2048 bits (NIST SP 800-57 part 1, table 2).
            entropy_bits: Some(112),
        }
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let name = public(fields)?.thumbprint();
        let standing = self.published.standing(&name).await?;
        Ok((standing != Standing::Absent).then(|| CredentialId::new(name)))
    }

    /// Also looks whether the set could be changed and is served: a person is told before anything changes.
    async fn propose(&self, _current: Option<&CredentialId>) -> Result<Credential> {
        self.published.ensure_usable().await?;
        let private = key::draw(self.algorithm)?;
        let name = key::public(&private)?.thumbprint();
        let fields = [
            ("private_key".to_owned(), private),
            ("kid".to_owned(), SecretValue::from(name.clone())),
        ];
        Ok(Credential {
            id: CredentialId::new(name),
            fields: fields.into_iter().collect(),
        })
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let name = public(candidate)?.thumbprint();
        match previous.map(public) {
            Some(Ok(previous)) if previous.thumbprint() == name => {
                Err(Error::invalid("the key is the one in use"))
            }
            _ => Ok(()),
        }
    }

    async fn apply(&self, _tag: &Tag, candidate: &Credential) -> Result<()> {
        let key = public(&candidate.fields)?;
        self.published.change(move |set| Ok(set.with(&key))).await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let Ok(key) = public(&credential.fields) else {
            return Ok(Liveness::Unknown);
        };
        Ok(match self.published.in_force(&key.thumbprint()).await? {
            Standing::Published => Liveness::Alive,
            Standing::Disabled | Standing::Absent => Liveness::Dead,
        })
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        Ok(match self.published.standing(id.as_str()).await? {
            Standing::Published => CredentialState::Active,
            Standing::Disabled => CredentialState::Disabled,
            Standing::Absent => CredentialState::Absent,
        })
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        let name = id.as_str().to_owned();
        self.published
            .change(move |set| Ok(set.disabled(&name)))
            .await
    }

    /// Where somebody has taken the key away meanwhile, its `kid` went with it: it is not made up.
    async fn enable(&self, credential: &Credential) -> Result<()> {
        let name = credential.id.as_str().to_owned();
        let shown = self.published.shown();
        let change = move |set: crate::jwks::Jwks| match set.standing(&name) {
            Standing::Absent => Err(Error::not_found(format!(
                "`{shown}` has no key {name} any more: somebody has taken it away; put it back"
            ))),
            Standing::Published | Standing::Disabled => Ok(set.enabled(&name)),
        };
        self.published.change(change).await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        self.published.end(id.as_str()).await
    }

    /// Nobody has signed with it.
    async fn discard(&self, credential: &Credential) -> Result<()> {
        let name = credential.id.as_str().to_owned();
        self.published
            .change(move |set| Ok(set.without(&name)))
            .await
    }
}
