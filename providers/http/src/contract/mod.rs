//! Plays a service as the contract block of its pack says, and tests the pack against it.
//!
//! The one server for all packs: credentials in memory, who asks is checked, bodies must be exactly as described, two
//! items are on a page. It can misbehave as real services do: [`Nasty`]. What it does not play: rights, rates, and
//! anything that the contract block does not say.

mod answer;
mod cases;
mod matching;
mod proof;
mod world;

pub use cases::check;
pub use world::Nasty;

use crate::pack::Pack;
use crate::{HttpIssuer, HttpOptions};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use keywheel_contract::{Fields, FingerprintKey, Result, SecretValue};
use keywheel_signing::{Algorithm, Key};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use world::World;

/// Largest body that is read.
const LARGEST: usize = 64 * 1024;

/// One request with its answer's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// Path and query, below the base.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
    /// The body of the request, as text.
    pub body: String,
    /// The body of the answer, as text.
    pub answer: String,
}

/// A service; copies share it.
#[derive(Clone)]
pub struct Played {
    pack: Arc<Pack>,
    world: Arc<Mutex<World>>,
}

impl Played {
    /// Nothing was issued yet.
    #[must_use]
    pub fn new(pack: &Pack) -> Self {
        let world = World {
            keys_of_ours: drawn(&pack.contract.keys),
            ..World::default()
        };
        Self {
            pack: Arc::new(pack.clone()),
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// To be served.
    pub fn router(&self) -> Router {
        Router::new().fallback(serve).with_state(self.clone())
    }

    /// The path below which it answers.
    #[must_use]
    pub fn path(&self) -> String {
        let base = self
            .pack
            .base_url
            .as_deref()
            .and_then(|url| reqwest::Url::parse(url).ok());
        let path = base.map_or_else(
            || self.pack.contract.path.clone(),
            |url| url.path().to_owned(),
        );
        path.trim_end_matches('/').to_owned()
    }

    /// An issuer at this `http://host:port`, configured as the contract says.
    ///
    /// # Errors
    /// `Invalid`: the contract's parameters do not fit.
    pub fn issuer(&self, address: &str) -> Result<HttpIssuer> {
        let contract = &self.pack.contract;
        let here = format!("{address}{}", self.path());
        let options = HttpOptions {
            pack: self.pack.name.clone(),
            login_url: self.pack.door().map(|_| here.clone()),
            base_url: Some(here),
            ca_file: None,
            credentials: BTreeMap::new(),
            parameters: contract.parameters.clone(),
            instructions: None,
        };
        let key = FingerprintKey::new(&SecretValue::from("example of a key".to_owned()));
        HttpIssuer::given(
            &options,
            Pack::clone(&self.pack),
            Arc::new(key),
            self.credentials(),
        )
    }

    /// What keywheel itself is known by there.
    #[must_use]
    pub fn credentials(&self) -> BTreeMap<String, SecretValue> {
        let written = self.pack.contract.credentials.iter();
        let written = written.map(|(name, text)| (name.clone(), SecretValue::from(text.clone())));
        let world = self.world();
        let drawn = world.keys_of_ours.iter();
        written
            .chain(drawn.map(|(name, pem)| (name.clone(), pem.duplicate())))
            .collect()
    }

    /// A person makes a credential there; its fields and the service's id of it.
    pub fn by_hand(&self) -> (Fields, String) {
        let made = self.world().create(&self.pack, BTreeMap::new());
        let mut fields = Fields::new();
        for (name, text) in &made.fields {
            fields.insert(name, SecretValue::from(text.clone()));
        }
        (fields, made.id)
    }

    /// A person ends the credential with this value there.
    pub fn end_by_hand(&self, value: &str) {
        for key in &mut self.world().keys {
            if key.fields.values().any(|text| text == value) {
                key.state = world::ENDED;
            }
        }
    }

    /// Whoever has the credential with this value uses it there.
    pub fn use_by_hand(&self, value: &str) {
        for key in &mut self.world().keys {
            if key.fields.values().any(|text| text == value) {
                key.use_now();
            }
        }
    }

    /// Every token that was handed out is refused from now on.
    pub fn forget_tokens(&self) {
        let mut world = self.world();
        world.tokens.iter_mut().for_each(String::clear);
    }

    /// From now on it knows us by another key than the one that issuers of before were given.
    pub fn change_keys(&self) {
        self.world().keys_of_ours = drawn(&self.pack.contract.keys);
    }

    /// What it does wrong from now on.
    pub fn misbehave(&self, nasty: Nasty) {
        let mut world = self.world();
        for key in world.keys.iter_mut().filter(|_| !nasty.hides) {
            key.hidden = false;
        }
        world.nasty = nasty;
    }

    /// How many credentials were ever made, and how many of them are honoured.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let world = self.world();
        let active = world.keys.iter().filter(|key| key.state == world::ACTIVE);
        (world.keys.len(), active.count())
    }

    /// Whether a credential with this value in some field is honoured.
    #[must_use]
    pub fn honours(&self, value: &str) -> bool {
        let has = |key: &world::Made| key.fields.values().any(|text| text == value);
        // One that was set again is there twice.
        let mut keys = self.world().keys.clone().into_iter();
        keys.any(|key| key.state == world::ACTIVE && has(&key))
    }

    /// Everything that was asked so far.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.world().exchanges.clone()
    }

    /// A panic elsewhere leaves it whole.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Private keys; one that cannot be drawn is not known to anybody, and whoever needs it is told so.
fn drawn(keys: &BTreeMap<String, Algorithm>) -> BTreeMap<String, SecretValue> {
    let pem = |algorithm| Key::generate(algorithm)?.pem();
    let drawn = keys.iter().filter_map(|(name, algorithm)| {
        let pem = pem(*algorithm).ok()?;
        Some((name.clone(), SecretValue::new(pem.as_bytes().to_vec())))
    });
    drawn.collect()
}

async fn serve(State(played): State<Played>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.unwrap_or_default();
    let asked = matching::Asked::new(&played.path(), &head, &body);
    let mut world = played.world();
    let stopped = world.stopped(head.method.as_str());
    let mut answer = stopped.unwrap_or_else(|| match &asked {
        Some(asked) => answer::answer(&played.pack, &mut world, asked),
        None => answer::Answer::nothing(),
    });
    world.spoil(&mut answer, head.method.as_str());
    world.exchanges.push(Exchange {
        method: head.method.as_str().to_owned(),
        path: head.uri.to_string().replacen(&played.path(), "", 1),
        status: answer.status,
        body: String::from_utf8_lossy(&body).into_owned(),
        answer: answer.text.clone(),
    });
    let clock = world.nasty.clock;
    drop(world);
    if clock != 0 {
        let theirs = chrono::Utc::now() + chrono::TimeDelta::seconds(clock);
        answer.headers.push((
            "date",
            theirs.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        ));
    }
    let mut response = Response::new(Body::from(answer.text));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::NOT_IMPLEMENTED);
    for (name, text) in answer.headers {
        if let Ok(text) = text.parse() {
            response.headers_mut().insert(name, text);
        }
    }
    response
}
