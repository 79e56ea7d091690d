//! What stands in the fake, and how it changes.

use super::Exchange;
use std::collections::BTreeMap;

/// Names filled in by the service.
pub(super) const MANAGED: [&str; 3] = ["DOPPLER_CONFIG", "DOPPLER_ENVIRONMENT", "DOPPLER_PROJECT"];

pub(super) type Path = (String, String);

pub(super) struct World {
    pub(super) configs: BTreeMap<Path, Config>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) requests: Vec<ChangeRequest>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) mismatch: u16,
    pub(super) breakdown: Option<(u16, bool)>,
    pub(super) meddling: Option<(Path, String, String)>,
    serial: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            configs: BTreeMap::new(),
            tokens: BTreeMap::new(),
            requests: Vec::new(),
            exchanges: Vec::new(),
            mismatch: 409,
            breakdown: None,
            meddling: None,
            serial: 0,
        }
    }
}

#[derive(Default)]
pub(super) struct Config {
    pub(super) environment: String,
    pub(super) root: Option<String>,
    pub(super) own: BTreeMap<String, Secret>,
    pub(super) logs: Vec<Log>,
    pub(super) reviewed: bool,
}

#[derive(Clone)]
pub(super) struct Secret {
    pub(super) text: String,
    pub(super) visibility: String,
}

pub(super) struct Log {
    pub(super) id: String,
    pub(super) who: Option<String>,
    pub(super) created_at: String,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Reach {
    Config(Path),
    Workplace,
    Person,
}

#[derive(Clone)]
pub(super) struct Token {
    pub(super) name: String,
    pub(super) reach: Reach,
    pub(super) writes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    Applied,
    Canceled,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Applied => "applied",
            Self::Canceled => "canceled",
        }
    }
}

/// A change request of one unit.
pub(super) struct ChangeRequest {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) status: Status,
    pub(super) target: Path,
    pub(super) updates: Vec<(String, String)>,
}

/// One secret of a save.
pub(super) struct Change {
    pub(super) name: String,
    /// Renames what had this name.
    pub(super) renames: Option<String>,
    /// Deletes where there is none.
    pub(super) text: Option<String>,
    pub(super) visibility: Option<String>,
    /// The condition.
    pub(super) expected: Option<String>,
    pub(super) deletes: bool,
    /// Leaves the text as it is.
    pub(super) keeps: bool,
}

/// Status and message.
pub(super) type Refusal = (u16, &'static str);

impl World {
    pub(super) fn of(&mut self, path: &str) -> &mut Config {
        self.configs.get_mut(&super::split(path)).unwrap()
    }

    pub(super) fn request(&mut self, id: &str) -> &mut ChangeRequest {
        self.requests.iter_mut().find(|one| one.id == id).unwrap()
    }

    pub(super) fn new_token(&mut self, name: &str, reach: Reach, writes: bool) -> String {
        let kind = match &reach {
            Reach::Config((_, config)) => format!("dp.st.{config}"),
            Reach::Workplace => "dp.sa".to_owned(),
            Reach::Person => "dp.pt".to_owned(),
        };
        let token = format!("{kind}.example-{}", self.number());
        let name = name.to_owned();
        let made = Token {
            name,
            reach,
            writes,
        };
        self.tokens.insert(token.clone(), made);
        token
    }

    pub(super) fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Everything in a config: its own secrets over those of its root.
    pub(super) fn secrets(&self, path: &Path) -> BTreeMap<String, Secret> {
        let config = &self.configs[path];
        let root = config
            .root
            .as_ref()
            .map(|root| (path.0.clone(), root.clone()));
        let mut all = root.map(|root| self.secrets(&root)).unwrap_or_default();
        all.extend(config.own.clone());
        let filled = [&path.1, &config.environment, &path.0];
        for (name, text) in MANAGED.into_iter().zip(filled) {
            let secret = Secret {
                text: text.clone(),
                visibility: "unmasked".to_owned(),
            };
            all.insert(name.to_owned(), secret);
        }
        all
    }

    pub(super) fn raw(&self, path: &Path, name: &str) -> Option<String> {
        Some(self.secrets(path).get(name)?.text.clone())
    }

    pub(super) fn computed(&self, path: &Path, name: &str) -> Option<String> {
        Some(self.expanded(path, &self.raw(path, name)?, 8))
    }

    /// References to secrets that exist are replaced; everything else stays.
    fn expanded(&self, path: &Path, text: &str, depth: usize) -> String {
        let Some((before, rest)) = text.split_once("${") else {
            return text.to_owned();
        };
        let known = rest
            .split_once('}')
            .and_then(|(inner, after)| Some((self.referred(path, inner, depth)?, after)));
        match known {
            Some((value, after)) => format!("{before}{value}{}", self.expanded(path, after, depth)),
            None => format!("{before}${{{}", self.expanded(path, rest, depth)),
        }
    }

    fn referred(&self, path: &Path, inner: &str, depth: usize) -> Option<String> {
        let parts: Vec<_> = inner.split('.').collect();
        let (path, name) = match parts[..] {
            [name] => (path.clone(), name),
            [config, name] => ((path.0.clone(), config.to_owned()), name),
            [project, config, name] => ((project.to_owned(), config.to_owned()), name),
            _ => return None,
        };
        self.configs.get(&path)?;
        let text = self.raw(&path, name)?;
        Some(self.expanded(&path, &text, depth.checked_sub(1)?))
    }

    pub(super) fn person_puts(&mut self, path: &Path, name: &str, text: &str) {
        let change = Change {
            name: name.to_owned(),
            renames: None,
            text: Some(text.to_owned()),
            visibility: None,
            expected: None,
            deletes: false,
            keeps: false,
        };
        self.carry_out(path, &[change], Some("Example Person"));
    }

    /// A save by a token: all of it, or nothing.
    pub(super) fn save(&mut self, path: &Path, changes: &[Change]) -> Result<(), Refusal> {
        if let Some((path, name, text)) = self.meddling.take() {
            self.person_puts(&path, &name, &text);
        }
        if self.configs[path].reviewed {
            return Err((
                403,
                "This config can only be changed with a change request.",
            ));
        }
        let standing = self.secrets(path);
        for change in changes {
            let original = change.renames.as_ref().unwrap_or(&change.name);
            let was = standing.get(original).map(|secret| &secret.text);
            if !is_name(&change.name) {
                return Err((400, "Secret names must be A to Z, 0 to 9 and _."));
            }
            if MANAGED.contains(&change.name.as_str()) {
                return Err((400, "This secret is managed by Doppler."));
            }
            if change.expected.is_some() && change.expected.as_ref() != was {
                return Err((self.mismatch, "A secret has changed since you last saw it."));
            }
        }
        self.carry_out(path, changes, None);
        Ok(())
    }

    fn carry_out(&mut self, path: &Path, changes: &[Change], who: Option<&str>) {
        let before = self.secrets(path);
        let number = self.number();
        let config = self.configs.get_mut(path).unwrap();
        for change in changes {
            let original = change.renames.as_ref().unwrap_or(&change.name);
            let was = before.get(original);
            if change.renames.is_some() || change.deletes {
                config.own.remove(original);
            }
            let text = match (&change.text, change.keeps) {
                _ if change.deletes => continue,
                (_, true) => was.map(|was| was.text.clone()).unwrap_or_default(),
                (text, false) => text.clone().unwrap_or_default(),
            };
            let kept = was.map_or_else(|| "masked".to_owned(), |was| was.visibility.clone());
            let visibility = change.visibility.clone().unwrap_or(kept);
            config
                .own
                .insert(change.name.clone(), Secret { text, visibility });
        }
        config.logs.push(Log {
            id: format!("Log{number:012}"),
            who: who.map(str::to_owned),
            created_at: format!("2026-01-01T00:00:{:02}.000Z", number % 60),
        });
    }

    /// What a reviewer saw is what is written, whatever stands there by now.
    pub(super) fn approve(&mut self, id: &str) {
        let request = self.request(id);
        request.status = Status::Applied;
        let target = request.target.clone();
        let updates = request.updates.clone();
        let change = |(name, text): (String, String)| Change {
            name,
            renames: None,
            text: Some(text),
            visibility: None,
            expected: None,
            deletes: false,
            keeps: false,
        };
        let changes: Vec<_> = updates.into_iter().map(change).collect();
        self.carry_out(&target, &changes, Some("Example Reviewer"));
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(fits)
}
