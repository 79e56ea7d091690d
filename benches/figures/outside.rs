//! Outside systems that answer at once: the real `files` store on a memory disk (or a vendor's, for the cells of
//! stores), an issuer in memory that keeps two credentials valid side by side, a consumer that has read the newest
//! value already.

use anyhow::Result;
use async_trait::async_trait;
use keywheel::inventory::Definition;
use keywheel::providers::{Connect, Outside, Target, place_of};
use keywheel_contract::{
    self as contract, ChosenBy, Consumer, ConsumerCapabilities, Credential, CredentialId,
    CredentialState, Error, Fields, Find, Holding, Issuer, IssuerCapabilities, LastUse, Liveness,
    Notice, Observation, Question, Refusal, SecretStore, SecretValue, Session, Strength, Style,
    Tag,
};
use keywheel_provider_local::{FilesOptions, FilesStore};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Connects every rotation to the same three.
pub(crate) struct Instant {
    store: Arc<dyn SecretStore>,
    issuer: Arc<TwoAtOnce>,
    /// Issuers of single secrets, instead of the one in memory.
    issuers: HashMap<String, Arc<dyn Issuer>>,
    consumer: Arc<Ready>,
}

impl Instant {
    /// Publishes below `root`.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let options = FilesOptions {
            root: root.to_owned(),
            group: None,
            mode: None,
        };
        let store = FilesStore::new(options, root.to_owned())
            .map_err(|error| anyhow::anyhow!("{}", error.message))?;
        Ok(Self::with(Arc::new(store)))
    }

    /// Publishes to this store.
    pub(crate) fn with(store: Arc<dyn SecretStore>) -> Self {
        Self {
            store,
            issuer: Arc::default(),
            issuers: HashMap::new(),
            consumer: Arc::new(Ready),
        }
    }

    /// Has these secrets, by their ids, issued by these.
    pub(crate) fn issued_by(&mut self, issuers: HashMap<String, Arc<dyn Issuer>>) {
        self.issuers = issuers;
    }

    /// Publishes what was there before keywheel came.
    pub(crate) async fn publish(
        &self,
        definition: &Definition,
        fields: Fields,
    ) -> contract::Result<()> {
        let Some(destination) = definition.destinations.first() else {
            return Err(Error::invalid("a secret without a destination"));
        };
        let place = place_of(destination);
        let seen = self.store.inspect(&place).await?;
        let document = contract::Document::Fields(fields);
        let payload = self.store.compose(&place, &document, &seen).await?;
        let mark = contract::Mark {
            rotation: contract::RotationId::new("by-hand"),
            token: format!("{:0>64}", hex::encode(definition.id.as_str())),
        };
        let write = contract::Write {
            place: &place,
            payload: &payload,
            base: &contract::Base::from(&seen),
            mark: &mark,
        };
        self.store.promote(&write).await.map(drop)
    }

    /// Issues and publishes a first value, as if by hand before keywheel came.
    pub(crate) async fn adopt(&self, definition: &Definition) -> contract::Result<()> {
        let Some(destination) = definition.destinations.first() else {
            return Err(Error::invalid("a secret without a destination"));
        };
        let first = self.issuer.issue(&Tag::new("by hand"))?;
        let mut fields = Fields::new();
        for name in destination.fields.keys() {
            if let Some(value) = first.fields.field("value") {
                fields.insert(name.clone(), value.duplicate());
            }
        }
        self.publish(definition, fields).await
    }

    /// How many credentials are alive, and how many were revoked.
    pub(crate) fn credentials(&self) -> (usize, usize) {
        let states = self.issuer.states();
        let alive = states
            .values()
            .filter(|s| **s == CredentialState::Active)
            .count();
        (alive, states.len() - alive)
    }
}

#[async_trait]
impl Connect for Instant {
    async fn outside(
        &self,
        plan: &Definition,
        _today: Option<&Definition>,
    ) -> contract::Result<Outside> {
        let target = |spec: &keywheel::inventory::Destination| Target {
            store: Arc::clone(&self.store),
            place: place_of(spec),
            spec: spec.clone(),
        };
        let consumer = || Arc::clone(&self.consumer) as Arc<dyn Consumer>;
        let own = self.issuers.get(plan.id.as_str()).map(Arc::clone);
        Ok(Outside {
            issuer: own.unwrap_or_else(|| Arc::clone(&self.issuer) as Arc<dyn Issuer>),
            destinations: plan
                .destinations
                .iter()
                .map(|d| (d.name(), target(d)))
                .collect(),
            consumers: plan
                .consumers
                .keys()
                .map(|name| (name.clone(), consumer()))
                .collect(),
        })
    }
}

/// An issuer that honours any number of credentials; a value carries its credential's id.
#[derive(Default)]
struct TwoAtOnce {
    count: AtomicU64,
    states: Mutex<HashMap<String, CredentialState>>,
    tags: Mutex<BTreeMap<String, String>>,
}

impl TwoAtOnce {
    fn states(&self) -> std::sync::MutexGuard<'_, HashMap<String, CredentialState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issue(&self, tag: &Tag) -> contract::Result<Credential> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let mut random = [0; 24];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::unavailable("no randomness"))?;
        let id = format!("c{number:09}");
        let value = SecretValue::new(format!("{id}.{}", hex::encode(random)).into_bytes());
        self.states().insert(id.clone(), CredentialState::Active);
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.insert(tag.to_string(), id.clone());
        Ok(Credential {
            id: CredentialId::new(id),
            fields: Fields::single(value),
        })
    }

    fn put(&self, id: &CredentialId, state: CredentialState) {
        self.states().insert(id.as_str().to_owned(), state);
    }

    fn get(&self, id: &str) -> CredentialState {
        self.states()
            .get(id)
            .copied()
            .unwrap_or(CredentialState::Absent)
    }
}

fn id_in(fields: &Fields) -> Option<&str> {
    let text = fields
        .field("value")
        .or_else(|| fields.iter().next().map(|(_, v)| v))?;
    text.expose_secret_str()?.split_once('.').map(|(id, _)| id)
}

#[async_trait]
impl Issuer for TwoAtOnce {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Overlap,
            chosen_by: ChosenBy::Issuer,
            find: Find::ByTag,
            lists_after: Duration::ZERO,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: true,
            revokes: true,
            activates: false,
            reports_last_use: false,
            sessions: false,
            reuse: false,
            expires: false,
            host_bound: false,
            entropy_bits: Some(192),
        }
    }

    async fn identify(&self, fields: &Fields) -> contract::Result<Option<CredentialId>> {
        Ok(id_in(fields).map(CredentialId::new))
    }

    async fn propose(&self, _current: Option<&CredentialId>) -> contract::Result<Credential> {
        Err(Error::invalid("this issuer chooses its values itself"))
    }

    async fn check_format(
        &self,
        candidate: &Fields,
        _previous: Option<&Fields>,
    ) -> contract::Result<()> {
        let known = id_in(candidate).map(drop);
        known.ok_or_else(|| Error::invalid("this value is not of this issuer"))
    }

    async fn mint(&self, tag: &Tag) -> contract::Result<Credential> {
        self.issue(tag)
    }

    async fn apply(&self, _tag: &Tag, _candidate: &Credential) -> contract::Result<()> {
        Err(Error::invalid("this issuer chooses its values itself"))
    }

    async fn activate(&self, _candidate: &Credential) -> contract::Result<()> {
        Ok(())
    }

    async fn test(&self, credential: &Credential) -> contract::Result<Liveness> {
        let state = id_in(&credential.fields).map(|id| self.get(id));
        Ok(match state {
            Some(CredentialState::Active) => Liveness::Alive,
            _ => Liveness::Dead,
        })
    }

    async fn state(&self, id: &CredentialId) -> contract::Result<CredentialState> {
        Ok(self.get(id.as_str()))
    }

    async fn find(&self, tag: &Tag) -> contract::Result<Vec<CredentialId>> {
        let tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tags
            .get(&tag.to_string())
            .map(CredentialId::new)
            .into_iter()
            .collect())
    }

    async fn disable(&self, id: &CredentialId) -> contract::Result<()> {
        self.put(id, CredentialState::Disabled);
        Ok(())
    }

    async fn enable(&self, credential: &Credential) -> contract::Result<()> {
        self.put(&credential.id, CredentialState::Active);
        Ok(())
    }

    async fn revoke(&self, id: &CredentialId) -> contract::Result<()> {
        self.put(id, CredentialState::Absent);
        Ok(())
    }

    async fn last_used(&self, _id: &CredentialId) -> contract::Result<LastUse> {
        Err(Error::invalid("this issuer does not say"))
    }

    async fn refused_uses(
        &self,
        _id: &CredentialId,
        _since_ms: i64,
    ) -> contract::Result<Vec<Refusal>> {
        Ok(Vec::new())
    }

    async fn sessions(&self, _id: &CredentialId) -> contract::Result<Vec<Session>> {
        Ok(Vec::new())
    }

    async fn end_sessions(&self, _id: &CredentialId) -> contract::Result<u64> {
        Ok(0)
    }
}

/// A consumer with one instance that holds the newest published value the moment it is asked.
struct Ready;

#[async_trait]
impl Consumer for Ready {
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities {
            strongest: Some(Strength::Proven),
            notifies: true,
            host_bound: false,
        }
    }

    async fn notify(&self, _notice: &Notice) -> contract::Result<()> {
        Ok(())
    }

    async fn observe(&self, question: &Question<'_>) -> contract::Result<Vec<Observation>> {
        let newest = question.held.first();
        Ok(newest
            .map(|held| Observation {
                instance: "app-1".to_owned(),
                holding: Holding::Credential(held.credential.clone()),
                strength: Strength::Proven,
                started_at_ms: None,
                seen_at_ms: None,
                detail: String::new(),
            })
            .into_iter()
            .collect())
    }
}
