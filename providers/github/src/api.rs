//! The calls of the service that are made, each by its own name.

use crate::place::Owner;
use crate::sealed::BoxKey;
use crate::transport::{Answer, Transport};
use crate::version::{Written, written};
use chrono::{DateTime, Utc};
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_http_client::Effect;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Things on one page of a list; the most that the service puts there.
const PAGE: usize = 100;
/// The most pages that are read of one.
const MOST_PAGES: usize = 100;

/// What is told of a secret: never its value.
pub(crate) struct Told {
    pub(crate) written: Written,
    /// Of an organization's: who may use it.
    pub(crate) audience: Option<Audience>,
}

/// Who may use an organization's secret; every write has to say it.
#[derive(Serialize)]
pub(crate) struct Audience {
    pub(crate) visibility: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) selected_repository_ids: Option<Vec<u64>>,
}

/// What becomes of one try to write.
pub(crate) enum Put {
    Done,
    /// Refused for what it says: perhaps the key it is sealed to is no longer the place's.
    Refused(Error),
}

/// A page of repositories, and how many there are on all pages.
#[derive(Deserialize)]
struct Repositories {
    total_count: usize,
    repositories: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
}

/// The service, called as one token.
pub(crate) struct Api {
    pub(crate) transport: Transport,
}

impl Api {
    /// What the token has left, which costs nothing and which any token may ask.
    pub(crate) async fn limits(&self) -> Result<(Limits, Answer)> {
        #[derive(Deserialize)]
        struct Read {
            rate: Limits,
        }
        let answer = self.transport.get(&["rate_limit"], &[]).await?;
        let read: Read = parse(&answer, "asking what we may call", Effect::Reads)?;
        Ok((read.rate, answer))
    }

    /// The key of a place, and when that was told by the server's clock. That there is one shows that the place is
    /// there and that our token reaches its secrets.
    pub(crate) async fn key(&self, owner: Owner<'_>) -> Result<(BoxKey, Option<DateTime<Utc>>)> {
        #[derive(Deserialize)]
        struct Read {
            key_id: String,
            key: String,
        }
        let answer = self.transport.get(&below(owner, "public-key"), &[]).await?;
        let what = "asking for the public key of the secrets";
        let read: Read = parse(&answer, what, Effect::Reads)?;
        Ok((BoxKey::read(read.key_id, &read.key)?, answer.date))
    }

    /// What is told of a secret; `None` where there is none, or no such place.
    pub(crate) async fn told(&self, owner: Owner<'_>, name: &str) -> Result<Option<Told>> {
        #[derive(Deserialize)]
        struct Read {
            updated_at: String,
            visibility: Option<String>,
        }
        let path = below(owner, name);
        let answer = self.transport.get(&path, &[]).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let read: Read = parse(&answer, &format!("looking at `{name}`"), Effect::Reads)?;
        let audience = match read.visibility {
            None => None,
            Some(visibility) => Some(Audience {
                selected_repository_ids: match visibility.as_str() {
                    "selected" => Some(self.selected(&path).await?),
                    _ => None,
                },
                visibility,
            }),
        };
        let written = written(&read.updated_at)?;
        Ok(Some(Told { written, audience }))
    }

    /// The repositories that may use an organization's secret: all of them or an error, for they are written back, and
    /// whoever is missing would lose the secret.
    async fn selected(&self, secret: &[&str]) -> Result<Vec<u64>> {
        let (mut ids, mut total) = (BTreeSet::new(), 0);
        for page in 1..=MOST_PAGES {
            let read = self.repositories(secret, page).await?;
            total = read.total_count;
            let past_the_end = read.repositories.is_empty();
            ids.extend(read.repositories.into_iter().map(|one| one.id));
            if past_the_end || ids.len() >= total {
                break;
            }
        }
        match ids.len() == total {
            true => Ok(ids.into_iter().collect()),
            false => Err(incomplete(ids.len(), total)),
        }
    }

    /// One page of them.
    async fn repositories(&self, secret: &[&str], page: usize) -> Result<Repositories> {
        let path = [secret, &["repositories"]].concat();
        let (most, page) = (PAGE.to_string(), page.to_string());
        let query = [("per_page", most.as_str()), ("page", page.as_str())];
        let answer = self.transport.get(&path, &query).await?;
        let what = "asking which repositories may use the secret";
        parse(&answer, what, Effect::Reads)
    }

    /// Writes one secret.
    pub(crate) async fn put(
        &self,
        owner: Owner<'_>,
        (name, value): (&str, &SecretValue),
        key: &BoxKey,
        audience: Option<&Audience>,
    ) -> Result<Put> {
        #[derive(Serialize)]
        struct Body<'a> {
            encrypted_value: String,
            key_id: &'a str,
            #[serde(flatten)]
            audience: Option<&'a Audience>,
        }
        let body = Body {
            encrypted_value: key.seal(value)?,
            key_id: &key.id,
            audience,
        };
        let body = serde_json::to_vec(&body);
        let body = body.map_err(|_| Error::invalid("the request cannot be built"))?;
        let answer = self.transport.put(&below(owner, name), body).await?;
        if answer.is_success() {
            return Ok(Put::Done);
        }
        let error = answer.refusal(&format!("writing `{name}`"), Effect::Changes);
        match answer.status {
            400 | 409 | 422 => Ok(Put::Refused(error)),
            _ => Err(error),
        }
    }
}

/// How many calls there are in an hour, and left.
#[derive(Deserialize)]
pub(crate) struct Limits {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
}

fn incomplete(shown: usize, total: usize) -> Error {
    Error::invalid(format!(
        "{total} repositories may use the secret and {shown} of them are shown, so that a write could take it from the \
         others: let our token see all of them, or choose another visibility"
    ))
}

fn below<'a>(owner: Owner<'a>, last: &'a str) -> Vec<&'a str> {
    let mut path = owner.segments();
    path.push(last);
    path
}

/// What a successful answer says.
///
/// # Errors
/// The refusal that the answer is, or that it is not of the form that is documented.
fn parse<T: DeserializeOwned>(answer: &Answer, what: &str, effect: Effect) -> Result<T> {
    if !answer.is_success() {
        return Err(answer.refusal(what, effect));
    }
    serde_json::from_slice(&answer.body).map_err(|_| {
        Error::unavailable(format!(
            "{what}: the answer is not what GitHub documents: check `address`"
        ))
    })
}
