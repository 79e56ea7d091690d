//! The issuer: what the contract asks for, by the calls of a pack.

use crate::draw::draw;
use crate::listing::{Entry, cut, fits_hint};
use crate::options::{HttpOptions, fits};
use crate::pack::{LastUsed, Pack};
use crate::scope::plain;
use crate::service::{Ended, Service};
use crate::usage;
use crate::verdict::{self, liveness};
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, ErrorKind, Examination, Fields,
    Find, FingerprintKey, Issuer, IssuerCapabilities, LastUse, Liveness, Refusal, Result,
    SecretValue, Session, Tag,
};
use keywheel_http_client::{Effect, Young};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Issues what a pack describes.
pub struct HttpIssuer {
    pub(crate) service: Service,
    young: Young,
}

impl HttpIssuer {
    /// An issuer by these options. Relative paths count from `folder`; packs that are not shipped lie in `packs`; `key`
    /// names what nothing else names.
    ///
    /// # Errors
    /// `Invalid`: there is no such pack, or the options do not fit it.
    pub fn new(
        options: &HttpOptions,
        folder: &Path,
        packs: &Path,
        key: Arc<FingerprintKey>,
    ) -> Result<Self> {
        options.check(packs)?;
        let service = Service::new(options, options.find(packs)?, folder, key)?;
        Ok(Self::of(service))
    }

    /// The same by a pack and credentials at hand.
    pub(crate) fn given(
        options: &HttpOptions,
        pack: Pack,
        key: Arc<FingerprintKey>,
        credentials: BTreeMap<String, SecretValue>,
    ) -> Result<Self> {
        let mut service = Service::new(options, pack, Path::new("/"), key)?;
        service.given = credentials;
        Ok(Self::of(service))
    }

    fn of(service: Service) -> Self {
        let converges = Duration::from_secs(service.pack.converges_seconds.into());
        Self {
            service,
            young: Young::new(converges),
        }
    }

    /// The same for a service by which a change is seen after this long.
    #[must_use]
    pub fn converging_in(self, converges: Duration) -> Self {
        Self {
            young: Young::new(converges),
            ..self
        }
    }

    /// The same as if it ran for longer than a change takes to be seen.
    pub(crate) fn long_running(self) -> Self {
        let converges = Duration::from_secs(self.pack().converges_seconds.into());
        Self {
            young: Young::long_running(converges),
            ..self
        }
    }

    pub(crate) fn pack(&self) -> &Pack {
        &self.service.pack
    }

    fn cannot(&self, what: &str) -> Error {
        let pack = self.pack();
        let how = pack.instructions.as_deref().unwrap_or_default();
        Error::invalid(format!(
            "{}: {what} is not possible there; {how}",
            pack.name
        ))
    }

    /// A value in doubt is not called dead before its issuer says that it ended.
    async fn dead(&self, id: &CredentialId) -> Liveness {
        if self.pack().converges_seconds == 0 {
            return Liveness::Dead;
        }
        match self.state(id).await {
            Ok(CredentialState::Absent | CredentialState::Disabled) => Liveness::Dead,
            Ok(CredentialState::Active | CredentialState::Unknown) | Err(_) => Liveness::Unknown,
        }
    }

    async fn by_hint(&self, field: &str, fields: &Fields) -> Result<Option<CredentialId>> {
        let (Some(list), Some(value)) = (&self.pack().list, fields.field(field)) else {
            return Ok(None);
        };
        let mut scope = self.service.inside().await?;
        let listed = self.listed(list, &mut scope).await?;
        let fitting = |entry: &&Entry| {
            entry
                .hint
                .as_ref()
                .is_some_and(|hint| fits_hint(hint, value))
        };
        let fitting: Vec<&Entry> = listed.iter().filter(fitting).collect();
        Ok(match fitting.as_slice() {
            [only] => Some(CredentialId::new(&only.id)),
            _ => None,
        })
    }

    /// Which credential this is, whoever's it is.
    pub(crate) async fn name_of(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let Some(identify) = &self.pack().identify else {
            return Ok(None);
        };
        if let Some(field) = &identify.by_hint {
            return self.by_hint(field, fields).await;
        }
        let Some(call) = &identify.call else {
            return Ok(self.id_of(fields));
        };
        let mut scope = self.service.outside();
        scope.keep_all(fields);
        let (answer, told) = self
            .service
            .answer(call, "key", Effect::Reads, &mut scope, None)
            .await?;
        match liveness(&answer, told) {
            Liveness::Alive => {}
            // It is no longer known there, so that nothing names it.
            Liveness::Dead => return Ok(None),
            Liveness::Unknown => {
                return Err(Error::unavailable(
                    self.service.what("identify: no clear answer"),
                ));
            }
        }
        let what = self.service.what("identify");
        self.service
            .take(call, &answer, &mut scope)
            .map_err(|missing| verdict::unreadable(&what, &missing, Effect::Reads))?;
        Ok(scope.public("id").and_then(plain).map(CredentialId::new))
    }

    fn id_of(&self, fields: &Fields) -> Option<CredentialId> {
        let identify = self.pack().identify.as_ref()?;
        let (field, how) = identify.cut.as_ref()?;
        let text = fields.field(field)?.expose_secret_str()?;
        cut(*how, text, &self.service.key).map(CredentialId::new)
    }

    fn check_field(&self, name: &str, format: Option<&str>, fields: &Fields) -> Result<()> {
        let value = fields.field(name);
        let value =
            value.ok_or_else(|| Error::invalid(format!("the field `{name}` is missing")))?;
        let text = value.expose_secret_str();
        let text =
            text.ok_or_else(|| Error::invalid(format!("field `{name}` is not UTF-8 text")))?;
        if text.is_empty() {
            return Err(Error::invalid(format!("field `{name}` is empty")));
        }
        let title = &self.pack().title;
        match format {
            Some(format) if !fits(format, text) => Err(Error::invalid(format!(
                "field `{name}` does not look like one of {title}: was all of it copied, and no line break?"
            ))),
            None if text.trim() != text => Err(Error::invalid(format!(
                "field `{name}` begins or ends with a space or a line break"
            ))),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Issuer for HttpIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        let pack = self.pack();
        let tagged = pack
            .list
            .as_ref()
            .is_some_and(|list| list.item.tag.is_some());
        let by_tag = tagged && pack.chosen_by != ChosenBy::Person;
        IssuerCapabilities {
            style: pack.style,
            chosen_by: pack.chosen_by,
            find: if by_tag { Find::ByTag } else { Find::None },
            lists_after: self.young.converges(),
            idempotent_mint: pack.idempotent,
            identifies: pack.identify.is_some(),
            tests: pack.test.is_some(),
            reversible: !pack.disable.is_empty(),
            revokes: !pack.revoke.is_empty(),
            activates: !pack.activate.is_empty(),
            reports_last_use: pack.last_used.is_some(),
            sessions: false,
            reuse: pack.reuse,
            expires: pack.expires.is_some(),
            host_bound: false,
            entropy_bits: pack.fields.values().filter_map(|field| field.bits).max(),
        }
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        if self.pack().identify.is_some() {
            self.ensure_none_of_ours(fields).await?;
        }
        self.name_of(fields).await
    }

    async fn propose(&self, current: Option<&CredentialId>) -> Result<Credential> {
        if self.pack().chosen_by != ChosenBy::Keywheel {
            return Err(self.cannot("choosing a value"));
        }
        if let Some(current) = current {
            self.ensure_not_named(current).await?;
        }
        let fields = draw(&self.pack().fields)?;
        let id = self.id_of(&fields);
        let id =
            id.ok_or_else(|| Error::invalid("the pack does not say how a new value is named"))?;
        Ok(Credential { id, fields })
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        for (name, field) in &self.pack().fields {
            self.check_field(name, field.format.as_deref(), candidate)?;
        }
        let Some(previous) = previous else {
            return Ok(());
        };
        if candidate.matches(previous) {
            return Err(Error::invalid("it is the value in use: bring a new one"));
        }
        self.ensure_none_of_ours(previous).await
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        if self.pack().chosen_by != ChosenBy::Issuer {
            return Err(self.cannot("making a credential by a program"));
        }
        let mut scope = self.service.inside().await?;
        scope.set("tag", tag.as_str().into());
        self.service
            .run("mint", &self.pack().mint, &mut scope)
            .await?;
        let mut fields = Fields::new();
        for name in self.pack().fields.keys() {
            if let Some(value) = scope.take(name) {
                fields.insert(name, value);
            }
        }
        let id = scope.public("id").and_then(plain);
        let id = id.ok_or_else(|| {
            verdict::unreadable(&self.service.what("mint"), "id", Effect::Changes)
        })?;
        let id = CredentialId::new(id);
        self.young.made(id.as_str());
        Ok(Credential { id, fields })
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        if self.pack().chosen_by != ChosenBy::Keywheel {
            return Err(self.cannot("setting a value"));
        }
        let mut scope = self.service.inside().await?;
        let listed = self.pack().list.is_some();
        if self.names(&candidate.id, &mut scope).await? && listed {
            return Ok(());
        }
        scope.set("tag", tag.as_str().into());
        scope.keep_all(&candidate.fields);
        self.young.made(candidate.id.as_str());
        self.service
            .run("apply", &self.pack().apply, &mut scope)
            .await
    }

    async fn activate(&self, candidate: &Credential) -> Result<()> {
        if self.pack().activate.is_empty() {
            return Err(self.cannot("activating"));
        }
        let mut scope = self.service.inside().await?;
        self.names(&candidate.id, &mut scope).await?;
        scope.keep_all(&candidate.fields);
        self.service
            .run("activate", &self.pack().activate, &mut scope)
            .await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let Some(call) = &self.pack().test else {
            return Ok(Liveness::Unknown);
        };
        let mut scope = self.service.outside();
        scope.set("id", credential.id.as_str().into());
        scope.keep_all(&credential.fields);
        let asked = self
            .service
            .answer(call, "key", Effect::Reads, &mut scope, None)
            .await;
        match asked {
            Ok((answer, told)) => Ok(match liveness(&answer, told) {
                Liveness::Dead => self.dead(&credential.id).await,
                other => other,
            }),
            Err(error) if error.kind == ErrorKind::Invalid => Err(error),
            Err(_) => Ok(Liveness::Unknown),
        }
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        match self.shown(id).await? {
            None if self.young.is(id.as_str()) => {
                Err(self.young.unsure(&self.service.what("look")))
            }
            shown => Ok(shown.unwrap_or(CredentialState::Absent)),
        }
    }

    async fn expires_at(&self, id: &CredentialId) -> Result<Option<i64>> {
        let ends = self.pack().expires.as_ref();
        let ends = ends.ok_or_else(|| self.cannot("telling when a credential ends by itself"))?;
        let mut scope = self.service.inside().await?;
        self.names(id, &mut scope).await?;
        usage::expires_at(&self.service, ends, id, &mut scope).await
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let list = self
            .pack()
            .list
            .as_ref()
            .filter(|_| self.capabilities().find == Find::ByTag);
        let list = list.ok_or_else(|| self.cannot("finding a credential by its tag"))?;
        let mut scope = self.service.inside().await?;
        let listed = self.listed(list, &mut scope).await?.into_iter();
        let ours = listed.filter(|entry| entry.tag.as_deref() == Some(tag.as_str()));
        let there = ours.filter(|entry| entry.state != CredentialState::Absent);
        Ok(there.map(|entry| CredentialId::new(entry.id)).collect())
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        if self.pack().disable.is_empty() {
            return Err(self.cannot("ending a credential reversibly"));
        }
        self.ensure_not_named(id).await?;
        let mut scope = self.service.inside().await?;
        if !self.names(id, &mut scope).await? {
            return Ok(());
        }
        self.service
            .end("disable", &self.pack().disable, &mut scope)
            .await?;
        Ok(())
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        if self.pack().enable.is_empty() {
            return Err(self.cannot("bringing a credential back"));
        }
        let mut scope = self.service.inside().await?;
        self.names(&credential.id, &mut scope).await?;
        self.service
            .run("enable", &self.pack().enable, &mut scope)
            .await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        let fields = Fields::new();
        self.revoke_shown(&Credential {
            id: id.clone(),
            fields,
        })
        .await
    }

    async fn revoke_shown(&self, credential: &Credential) -> Result<()> {
        let pack = self.pack();
        if pack.revoke.is_empty() {
            return Err(self.cannot("ending a credential by a program"));
        }
        if credential.fields.is_empty() && pack.shows_to_revoke() {
            return Err(self.cannot("ending a credential whose value is not known"));
        }
        self.ensure_not_own(credential).await?;
        let (id, mut young) = (&credential.id, self.young.is(credential.id.as_str()));
        if young {
            // Not being there would be taken for having ended: it has to be seen first.
            young = self.state(id).await? != CredentialState::Absent;
            self.young.seen(id.as_str());
        }
        let mut scope = self.service.inside().await?;
        if !self.names(id, &mut scope).await? {
            return Ok(());
        }
        scope.keep_all(&credential.fields);
        let ended = self.service.end("revoke", &pack.revoke, &mut scope).await?;
        if young && ended == Ended::Missed {
            // It was shown just now, and is not known everywhere.
            self.young.made(id.as_str());
            return Err(self.young.unsure(&self.service.what("revoke")));
        }
        self.young.ended(id.as_str());
        Ok(())
    }

    async fn last_used(&self, id: &CredentialId) -> Result<LastUse> {
        let used: &LastUsed = self
            .pack()
            .last_used
            .as_ref()
            .ok_or_else(|| self.cannot("telling when a credential was last used"))?;
        let mut scope = self.service.inside().await?;
        self.names(id, &mut scope).await?;
        usage::last_use(&self.service, used, id, &mut scope).await
    }

    async fn refused_uses(&self, _id: &CredentialId, _since_ms: i64) -> Result<Vec<Refusal>> {
        Ok(Vec::new())
    }

    async fn sessions(&self, _id: &CredentialId) -> Result<Vec<Session>> {
        Err(self.cannot("listing sessions"))
    }

    async fn end_sessions(&self, _id: &CredentialId) -> Result<u64> {
        Err(self.cannot("ending sessions"))
    }

    async fn examine(&self, in_use: &[CredentialId]) -> Examination {
        self.examined(in_use).await
    }
}
