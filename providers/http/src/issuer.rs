//! The issuer: what the contract asks for, by the calls of a pack.

use crate::draw::draw;
use crate::listing::{Entry, cut, entry, fits_hint, state};
use crate::options::{HttpOptions, fits};
use crate::pack::{LastUsed, List, Look, Pack};
use crate::scope::{Scope, plain};
use crate::service::Service;
use crate::usage::last_use;
use crate::verdict::{self, liveness};
use crate::young::Young;
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, ErrorKind, Fields, Find,
    FingerprintKey, Issuer, IssuerCapabilities, LastUse, Liveness, Refusal, Result, SecretValue,
    Session, Tag,
};
use keywheel_http_client::Effect;
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

    /// Every listed credential.
    async fn listed(&self, list: &List, scope: &mut Scope) -> Result<Vec<Entry>> {
        let listed = self.service.listed("list", list.walk(), scope).await?;
        let key = &self.service.key;
        let read = listed.items();
        Ok(read
            .filter_map(|item| entry(&list.item, item, key))
            .collect())
    }

    /// Names the credential for calls. Where they call it otherwise than its id, it is looked for in the list: `false`
    /// if it is not there.
    async fn names(&self, id: &CredentialId, scope: &mut Scope) -> Result<bool> {
        scope.set("id", id.as_str().into());
        scope.set("ref", id.as_str().into());
        let Some(list) = self
            .pack()
            .list
            .as_ref()
            .filter(|list| list.item.reference.is_some())
        else {
            return Ok(true);
        };
        let listed = self.listed(list, scope).await?;
        let found = listed.into_iter().find(|entry| entry.id == id.as_str());
        let there = found.is_some();
        if let Some(found) = found {
            scope.set("ref", found.reference.into());
        }
        Ok(there)
    }

    async fn looked_at(&self, look: &Look, id: &CredentialId) -> Result<CredentialState> {
        let mut scope = self.service.inside().await?;
        if !self.names(id, &mut scope).await? {
            return Ok(CredentialState::Absent);
        }
        let answer = self
            .service
            .answer(&look.call, "admin", Effect::Reads, &mut scope, None);
        let (answer, told) = answer.await?;
        let what = self.service.what("look");
        match verdict::error(&answer, told, &what, Effect::Reads) {
            Some(error) if error.kind == ErrorKind::NotFound => return Ok(CredentialState::Absent),
            Some(error) => return Err(error),
            None => {}
        }
        let body = answer.body.as_ref();
        let item = body.and_then(|body| body.value().pointer(&look.at));
        let item = item.ok_or_else(|| verdict::unreadable(&what, "credential", Effect::Reads))?;
        let words = look.state.as_ref();
        Ok(words.map_or(CredentialState::Active, |words| state(words, item)))
    }

    /// The state as it is shown now.
    async fn shown(&self, id: &CredentialId) -> Result<CredentialState> {
        if let Some(look) = &self.pack().look {
            return self.looked_at(look, id).await;
        }
        let Some(list) = &self.pack().list else {
            return Ok(CredentialState::Unknown);
        };
        let mut scope = self.service.inside().await?;
        let listed = self.listed(list, &mut scope).await?;
        let found = listed.into_iter().find(|entry| entry.id == id.as_str());
        Ok(found.map_or(CredentialState::Absent, |entry| entry.state))
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
            idempotent_mint: pack.idempotent,
            identifies: pack.identify.is_some(),
            tests: pack.test.is_some(),
            reversible: !pack.disable.is_empty(),
            revokes: !pack.revoke.is_empty(),
            activates: !pack.activate.is_empty(),
            reports_last_use: pack.last_used.is_some(),
            sessions: false,
            reuse: pack.reuse,
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
        // Before the call, for whoever waits for it may give it up.
        self.young.made(None);
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
        self.young.made(Some(&id));
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
        self.young.made(Some(&candidate.id));
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
            CredentialState::Absent if self.young.is(id) => {
                Err(self.young.unsure(&self.service.what("look")))
            }
            state => Ok(state),
        }
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
        let found: Vec<_> = there.map(|entry| CredentialId::new(entry.id)).collect();
        if found.is_empty() && self.young.may_be_hidden() {
            return Err(self.young.unsure(&self.service.what("find")));
        }
        Ok(found)
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        if self.pack().disable.is_empty() {
            return Err(self.cannot("ending a credential reversibly"));
        }
        self.ensure_not_named(id).await?;
        let mut scope = self.service.inside().await?;
        self.names(id, &mut scope).await?;
        self.service
            .end("disable", &self.pack().disable, &mut scope)
            .await
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
        if self.young.is(&credential.id) {
            // Not being there would be taken for having ended: it has to be seen first.
            self.state(&credential.id).await?;
        }
        let mut scope = self.service.inside().await?;
        if !self.names(&credential.id, &mut scope).await? {
            return Ok(());
        }
        scope.keep_all(&credential.fields);
        self.service.end("revoke", &pack.revoke, &mut scope).await?;
        self.young.ended(&credential.id);
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
        last_use(&self.service, used, id, &mut scope).await
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
}
