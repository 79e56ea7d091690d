//! One service as its pack describes it: runs calls.

use crate::options::HttpOptions;
use crate::pack::{Auth, Call, Outcome, Pack};
use crate::pages::Asked;
use crate::request::{effect, request};
use crate::scope::Scope;
use crate::tokens::Tokens;
use crate::transport::Transport;
use crate::turn::turned;
use crate::verdict::{self, Answer};
use keywheel_contract::{Error, ErrorKind, FingerprintKey, Result, SecretValue};
use keywheel_http_client::Effect;
use keywheel_reference::Reference;
use reqwest::{Request, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How something is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By every call.
    Now,
    /// To a call there was no such thing.
    Missed,
}

/// A service.
pub(crate) struct Service {
    pub(crate) pack: Pack,
    pub(crate) base: Url,
    pub(crate) transport: Transport,
    credentials: BTreeMap<String, Reference>,
    /// Credentials at hand, for a service that is played.
    pub(crate) given: BTreeMap<String, SecretValue>,
    folder: PathBuf,
    parameters: BTreeMap<String, Value>,
    pub(crate) tokens: Tokens,
    /// What a value is named by, where nothing else names it.
    pub(crate) key: Arc<FingerprintKey>,
}

impl Service {
    /// # Errors
    /// `Invalid`: the options do not fit the pack.
    pub(crate) fn new(
        options: &HttpOptions,
        pack: Pack,
        folder: &Path,
        key: Arc<FingerprintKey>,
    ) -> Result<Self> {
        let base = options.base(&pack)?;
        let ca_file = options.ca_file.as_ref().map(|file| folder.join(file));
        let transport = Transport::new(&base, ca_file.as_deref())?;
        let tokens = match options.door(&pack)? {
            Some(door) => Tokens::at(Transport::new(&door, ca_file.as_deref())?, door),
            None => Tokens::at(transport.clone(), base.clone()),
        };
        Ok(Self {
            transport,
            tokens,
            key,
            parameters: options.filled(&pack)?,
            credentials: options.credentials.clone(),
            given: BTreeMap::new(),
            folder: folder.to_owned(),
            base,
            pack,
        })
    }

    /// What a credential's own calls may name: the pack's settings.
    pub(crate) fn outside(&self) -> Scope {
        let mut scope = Scope::now();
        for (name, value) in &self.parameters {
            scope.set(name, value.clone());
        }
        scope
    }

    /// The same with our own credentials, as they are now.
    pub(crate) async fn inside(&self) -> Result<Scope> {
        let mut scope = self.outside();
        for (name, reference) in &self.credentials {
            scope.keep(name, reference.read(&self.folder).await?);
        }
        for (name, value) in &self.given {
            scope.keep(name, value.duplicate());
        }
        Ok(scope)
    }

    /// One of our own credentials, as it is now.
    ///
    /// # Errors
    /// What it refers to cannot be read, or there is none of this name.
    pub(crate) async fn own(&self, name: &str) -> Result<SecretValue> {
        if let Some(reference) = self.credentials.get(name) {
            return reference.read(&self.folder).await;
        }
        let given = self.given.get(name).map(SecretValue::duplicate);
        given.ok_or_else(|| Error::invalid(format!("`credentials.{name}` is missing")))
    }

    /// Runs calls one after another. Where the first has changed something, a later one that fails leaves a doubt.
    pub(crate) async fn run(
        &self,
        name: &'static str,
        calls: &[Call],
        scope: &mut Scope,
    ) -> Result<()> {
        let mut changed = false;
        for call in calls {
            let done = self.step(name, call, scope).await;
            done.map_err(|error| if changed { doubtful(error) } else { error })?;
            changed |= effect(call) == Effect::Changes;
        }
        Ok(())
    }

    /// Runs calls that end something: what is gone already is ended, and told apart.
    pub(crate) async fn end(
        &self,
        name: &'static str,
        calls: &[Call],
        scope: &mut Scope,
    ) -> Result<Ended> {
        let mut ended = Ended::Now;
        for call in calls {
            match self.step(name, call, scope).await {
                Err(error) if error.kind == ErrorKind::NotFound => ended = Ended::Missed,
                other => other?,
            }
        }
        Ok(ended)
    }

    async fn step(&self, name: &'static str, call: &Call, scope: &mut Scope) -> Result<()> {
        let (answer, told) = self
            .answer(call, "admin", effect(call), scope, None)
            .await?;
        let (what, effect) = (self.what(name), effect(call));
        if let Some(error) = verdict::error(&answer, told, &what, effect) {
            return Err(error);
        }
        self.take(call, &answer, scope)
            .map_err(|missing| verdict::unreadable(&what, &missing, effect))
    }

    /// One answer, with what its rules say; `auth` unless the call says otherwise.
    pub(crate) async fn answer(
        &self,
        call: &Call,
        auth: &str,
        effect: Effect,
        scope: &mut Scope,
        page: Option<&Asked>,
    ) -> Result<(Answer, Option<Outcome>)> {
        let mut built = match page {
            Some(Asked::At(url)) => Request::new(reqwest::Method::GET, url.clone()),
            Some(Asked::With(name, value)) => {
                request(&self.base, call, scope, Some((name, value)))?
            }
            None => request(&self.base, call, scope, None)?,
        };
        let auth = call.auth.as_deref().unwrap_or(auth);
        self.sign(&mut built, auth, scope).await?;
        let shown = self.shown(auth).await?;
        let mut answer = self.transport.send(built, effect, shown).await?;
        if matches!(answer.status, 401 | 403) {
            // The next call logs in again: the token may have been ended, or made before a right was given.
            self.tokens.forget(auth).await;
        }
        answer.clock = answer.clock.filter(|_| self.is_signed(auth));
        let told = verdict::judge(&answer, call.outcomes.iter().chain(&self.pack.outcomes));
        Ok((answer, told))
    }

    /// Keeps what a call takes of its answer.
    ///
    /// # Errors
    /// What is missing there.
    pub(crate) fn take(
        &self,
        call: &Call,
        answer: &Answer,
        scope: &mut Scope,
    ) -> std::result::Result<(), String> {
        for (name, pointer) in &call.take {
            let (body, turns) = (answer.body.as_ref(), call.turn.get(name));
            let found = body.and_then(|body| body.value().pointer(pointer));
            let found = found.filter(|one| !one.is_null());
            let found = found.ok_or_else(|| format!("`{pointer}`"))?;
            let taken = turned(turns.map(Vec::as_slice).unwrap_or_default(), found);
            let taken =
                taken.ok_or_else(|| format!("`{pointer}` of the form that `turn` needs"))?;
            if self.pack.fields.contains_key(name) {
                let secret = taken.value().as_str().filter(|one| !one.is_empty());
                let secret = secret.ok_or_else(|| format!("`{pointer}`"))?;
                scope.keep(name, SecretValue::from(secret.to_owned()));
            } else {
                scope.set(name, taken.value().clone());
            }
        }
        Ok(())
    }

    /// Whether who asks so signs a moment.
    pub(crate) fn is_signed(&self, auth: &str) -> bool {
        self.pack.auth.get(auth).is_some_and(Auth::is_signed)
    }

    /// How messages name an operation.
    pub(crate) fn what(&self, name: &str) -> String {
        format!("{}: {name}", self.pack.name)
    }
}

/// Something was changed already, so that nobody may take the whole for not done.
fn doubtful(error: Error) -> Error {
    Error::unknown_outcome(format!("{}, after a part of it was done", error.message))
}
