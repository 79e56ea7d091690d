//! What a server does wrong on demand.

use axum::http::{Method, request::Parts};
use bytes::Bytes;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers later.
    Delay(Duration),
    /// Answers this status instead of doing what was asked, with `Retry-After` in seconds where given.
    Refuse(u16, Option<u32>),
    /// Does what was asked and closes the connection without an answer.
    LoseReply,
    /// Closes the connection without doing anything.
    Reset,
    /// Does what was asked and closes the connection in the middle of the answer's body.
    CutBody,
    /// Answers a read as it answered the same read the last time; a read that is new is answered truly.
    Stale,
}

/// A request, as rules for faults see it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Method, path and headers.
    pub head: &'a Parts,
    /// The whole body.
    pub body: &'a Bytes,
}

impl Asked<'_> {
    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head
            .uri
            .path_and_query()
            .map_or("", |path| path.as_str())
    }

    /// A header's text; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let header = self.head.headers.get(name);
        header
            .and_then(|text| text.to_str().ok())
            .unwrap_or_default()
    }

    /// What is asked of a service that takes every question as a POST, as AWS's do: `DescribeSecret`. It stands in a
    /// header, or begins a form. Empty elsewhere.
    #[must_use]
    pub fn operation(&self) -> &str {
        let target = self.header("x-amz-target");
        let form = std::str::from_utf8(self.body).unwrap_or_default();
        match form.strip_prefix("Action=") {
            Some(rest) => rest.split('&').next().unwrap_or_default(),
            None => target
                .rsplit_once('.')
                .map_or(target, |(_, operation)| operation),
        }
    }

    /// Whether the method, or the operation where there is one, says that something is to change.
    #[must_use]
    pub fn writes(&self) -> bool {
        let reads = ["Describe", "Get", "List"];
        match self.operation() {
            "" => !matches!(
                self.head.method,
                Method::GET | Method::HEAD | Method::OPTIONS
            ),
            operation => !reads.iter().any(|read| operation.starts_with(read)),
        }
    }

    /// The same for the same request.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let method = self.head.method.as_str();
        (method, self.path(), self.operation(), self.body).hash(&mut hasher);
        hasher.finish()
    }
}

/// Whether a rule is about this request.
pub type When = Box<dyn Fn(&Asked<'_>) -> bool + Send + Sync>;

struct Rule {
    when: When,
    fault: Fault,
    times: usize,
}

#[derive(Default)]
struct State {
    rules: VecDeque<Rule>,
    /// Writes whose first answer is to be lost, and those lost already.
    lossy: Option<When>,
    lost: HashSet<u64>,
    log: Vec<String>,
}

/// The faults of one server; copies share them.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// None yet.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The next `times` requests of which `when` holds meet this fault; the rule set last is asked first.
    pub fn next(
        &self,
        times: usize,
        fault: Fault,
        when: impl Fn(&Asked<'_>) -> bool + Send + Sync + 'static,
    ) {
        let when = Box::new(when);
        self.0
            .lock()
            .unwrap()
            .rules
            .push_front(Rule { when, fault, times });
    }

    /// From now on the first answer to each different request of which `when` holds is lost after it was carried
    /// out; a repeat of the same request is answered.
    pub fn lose_every_first_reply(
        &self,
        when: impl Fn(&Asked<'_>) -> bool + Send + Sync + 'static,
    ) {
        self.0.lock().unwrap().lossy = Some(Box::new(when));
    }

    /// Behaves again.
    pub fn clear(&self) {
        let mut state = self.0.lock().unwrap();
        state.rules.clear();
        state.lossy = None;
    }

    /// Every fault that was met so far, with the method, path and operation that met it.
    #[must_use]
    pub fn met(&self) -> Vec<String> {
        self.0.lock().unwrap().log.clone()
    }

    /// The fault of this request, if any.
    pub(crate) fn meet(&self, asked: &Asked<'_>) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        let fault = state.rule_for(asked).or_else(|| state.loss_of(asked))?;
        let (method, path) = (&asked.head.method, asked.head.uri.path());
        let line = format!("{fault:?}: {method} {path} {}", asked.operation());
        state.log.push(line.trim_end().to_owned());
        Some(fault)
    }
}

impl State {
    fn rule_for(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let at = self.rules.iter().position(|rule| (rule.when)(asked))?;
        let rule = &mut self.rules[at];
        rule.times -= 1;
        let fault = rule.fault.clone();
        if rule.times == 0 {
            self.rules.remove(at);
        }
        Some(fault)
    }

    fn loss_of(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let lossy = self.lossy.as_ref()?;
        (lossy(asked) && self.lost.insert(asked.fingerprint())).then_some(Fault::LoseReply)
    }
}
