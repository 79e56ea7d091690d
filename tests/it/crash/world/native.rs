//! An issuer of a provider on a real server, watched: the same rules hold for it as for a scripted one.
//!
//! To the world a credential is one value, and is called `c0`, `c1` in the order of being chosen: places to die at have to
//! have the same name in every run. The issuer's own names and fields are kept beside it here, which outlives the deaths
//! of a run.

use super::World;
use super::truth::{Life, Truth};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use keywheel::rotation::words::Kind;
use keywheel_contract::{
    Credential, CredentialId, CredentialState, Fields, Issuer, IssuerCapabilities, LastUse,
    Liveness, Refusal, Result, SecretValue, Session, Tag,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Makes principals of one run's own: a name for them, and the value of the first where it can be chosen.
pub(crate) type Begin =
    Arc<dyn Fn(String, String) -> BoxFuture<'static, (Arc<dyn Issuer>, Credential)> + Send + Sync>;

/// An issuer that runs can be given.
#[derive(Clone)]
pub(crate) struct NativeIssuer {
    /// What the table calls it.
    pub(crate) name: &'static str,
    pub(crate) can: IssuerCapabilities,
    /// The field of its credentials that is the value.
    pub(crate) secret: &'static str,
    /// Whether it tells a try that was given up from one that is under way.
    pub(crate) fences: bool,
    /// Whether disabling takes the value away, so that nothing is left to be revoked.
    pub(crate) forgets: bool,
    pub(crate) begin: Begin,
}

impl std::fmt::Debug for NativeIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl NativeIssuer {
    /// For one run.
    pub(crate) async fn begin(&self) -> Native {
        let run = uuid::Uuid::now_v7().simple().to_string();
        let wished = format!("example-canary-{run}");
        let (issuer, first) = (self.begin)(format!("run_{run}"), wished).await;
        // Who lets nobody choose has chosen another.
        let value = text(&first.fields, self.secret);
        Native {
            issuer,
            secret: self.secret,
            fences: self.fences,
            names: Mutex::new(vec![first.id]),
            first: (CredentialId::new("c0"), value.clone()),
            known: Mutex::new(HashMap::from([(value, first.fields)])),
            applied: Mutex::default(),
        }
    }
}

/// The issuer of one run.
pub(crate) struct Native {
    issuer: Arc<dyn Issuer>,
    secret: &'static str,
    fences: bool,
    /// The credential in use before, and its value.
    pub(crate) first: (CredentialId, String),
    /// The issuer's own names.
    names: Mutex<Vec<CredentialId>>,
    /// The whole of each credential, by its value.
    known: Mutex<HashMap<String, Fields>>,
    /// Everything that was ever asked to be set.
    applied: Mutex<Vec<(Tag, Credential)>>,
}

impl Native {
    /// What the issuer asked for, instead of one value.
    fn whole(&self, fields: &Fields) -> Fields {
        let known = self.known.lock().unwrap();
        let whole = known.get(&text(fields, "value"));
        whole.map_or_else(|| fields.duplicate(), Fields::duplicate)
    }

    /// Keeps the whole of a new credential; to the world it is one value.
    fn keep(&self, made: Credential) -> Credential {
        let value = text(&made.fields, self.secret);
        let id = self.alias(made.id);
        let mut known = self.known.lock().unwrap();
        known.insert(value.clone(), made.fields);
        Credential {
            id,
            fields: Fields::single(SecretValue::from(value)),
        }
    }

    /// What the world calls it.
    fn alias(&self, name: CredentialId) -> CredentialId {
        let mut names = self.names.lock().unwrap();
        let known = names.iter().position(|known| *known == name);
        let at = known.unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        CredentialId::new(format!("c{at}"))
    }

    /// What the issuer calls it.
    fn name(&self, alias: &CredentialId) -> CredentialId {
        let at: usize = alias.as_str()[1..].parse().unwrap();
        self.names.lock().unwrap()[at].clone()
    }

    fn credential(&self, one: &Credential) -> Credential {
        Credential {
            id: self.name(&one.id),
            fields: self.whole(&one.fields),
        }
    }

    /// At rest: every statement that ever was sent arrives once more, as if it had been held up until now, where the
    /// issuer knows better; then exactly those credentials are let in that live by the world's account.
    pub(crate) async fn tells_the_truth(&self, world: &World) {
        let again: Vec<_> = std::mem::take(&mut *self.applied.lock().unwrap());
        for (tag, credential) in again.iter().filter(|_| self.fences) {
            // Refused, or the same as before: what is let in says which.
            drop(self.issuer.apply(tag, credential).await);
        }
        let made = world.truth().made.clone();
        for one in made {
            let value = Fields::single(SecretValue::from(one.value.clone()));
            let credential = self.credential(&Credential {
                id: CredentialId::new(&one.id),
                fields: value,
            });
            let expected = match one.life {
                Life::Active => Liveness::Alive,
                Life::Disabled | Life::Ended => Liveness::Dead,
            };
            let seen = self.issuer.test(&credential).await;
            if seen.as_ref().ok() != Some(&expected) {
                let told = format!("I2: {} is {seen:?}, not {expected:?}", one.id);
                world.truth().accuse(told);
            }
        }
    }
}

fn text(fields: &Fields, name: &str) -> String {
    let value = fields.field(name).and_then(SecretValue::expose_secret_str);
    value.unwrap_or_default().to_owned()
}

/// The issuer, as the engine sees it.
pub(crate) struct WatchedIssuer(pub(crate) Arc<World>);

impl WatchedIssuer {
    fn native(&self) -> &Native {
        self.0.native.as_ref().unwrap()
    }

    async fn carry<T>(
        &self,
        kinds: &[Kind],
        id: &CredentialId,
        call: impl Future<Output = Result<T>>,
        note: impl FnOnce(&mut Truth),
    ) -> Result<T> {
        let target = id.as_str();
        let note = |truth: &mut Truth, _: &T| note(truth);
        self.0.carry_real(kinds, target, None, call, note).await
    }
}

#[async_trait]
impl Issuer for WatchedIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        self.native().issuer.capabilities()
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let native = self.native();
        let named = native.issuer.identify(&native.whole(fields)).await?;
        Ok(named.map(|name| native.alias(name)))
    }

    async fn propose(&self, current: Option<&CredentialId>) -> Result<Credential> {
        let native = self.native();
        let current = current.map(|alias| native.name(alias));
        let made = native.keep(native.issuer.propose(current.as_ref()).await?);
        let value = text(&made.fields, "value");
        self.0.truth().known_value(&value);
        Ok(made)
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let native = self.native();
        let previous = previous.map(|previous| native.whole(previous));
        let candidate = native.whole(candidate);
        let checked = native.issuer.check_format(&candidate, previous.as_ref());
        checked.await
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        let native = self.native();
        let call = async { Ok(native.keep(native.issuer.mint(tag).await?)) };
        let note = |truth: &mut Truth, made: &Credential| {
            let value = truth.known_value(&text(&made.fields, "value"));
            truth.honours(made.id.as_str(), &value);
        };
        let kinds = [Kind::Mint];
        self.0.carry_real(&kinds, "", None, call, note).await
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        let native = self.native();
        let whole = native.credential(candidate);
        let kept = (tag.clone(), native.credential(candidate));
        native.applied.lock().unwrap().push(kept);
        let (id, value) = (candidate.id.to_string(), text(&candidate.fields, "value"));
        let kinds = [Kind::Apply, Kind::ApplyBack];
        let call = native.issuer.apply(tag, &whole);
        self.carry(&kinds, &candidate.id, call, move |truth| {
            truth.honours(&id, &value);
        })
        .await
    }

    async fn activate(&self, candidate: &Credential) -> Result<()> {
        self.native().issuer.activate(candidate).await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let native = self.native();
        native.issuer.test(&native.credential(credential)).await
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        self.native().issuer.state(&self.native().name(id)).await
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let found = self.native().issuer.find(tag).await?;
        Ok(found
            .into_iter()
            .map(|name| self.native().alias(name))
            .collect())
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        let name = self.native().name(id);
        let call = self.native().issuer.disable(&name);
        let note = |truth: &mut Truth| drop(truth.end(id.as_str(), Life::Disabled));
        self.carry(&[Kind::DisableCredential], id, call, note).await
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        let (native, id) = (self.native(), &credential.id);
        let whole = native.credential(credential);
        let call = native.issuer.enable(&whole);
        let note = |truth: &mut Truth| drop(truth.revive(id.as_str()));
        self.carry(&[Kind::EnableCredential], id, call, note).await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        let kinds = [Kind::Revoke, Kind::RevokeOrphan, Kind::DestroyCandidate];
        let name = self.native().name(id);
        let call = self.native().issuer.revoke(&name);
        let note = |truth: &mut Truth| drop(truth.end(id.as_str(), Life::Ended));
        self.carry(&kinds, id, call, note).await
    }

    async fn last_used(&self, id: &CredentialId) -> Result<LastUse> {
        self.native()
            .issuer
            .last_used(&self.native().name(id))
            .await
    }

    async fn refused_uses(&self, id: &CredentialId, since_ms: i64) -> Result<Vec<Refusal>> {
        let name = self.native().name(id);
        self.native().issuer.refused_uses(&name, since_ms).await
    }

    async fn sessions(&self, id: &CredentialId) -> Result<Vec<Session>> {
        self.native().issuer.sessions(&self.native().name(id)).await
    }

    async fn end_sessions(&self, id: &CredentialId) -> Result<u64> {
        let name = self.native().name(id);
        let call = self.native().issuer.end_sessions(&name);
        self.carry(&[Kind::EndSessions], id, call, |_| {}).await
    }
}
