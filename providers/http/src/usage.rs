//! When a credential was last used, and when it ends by itself, as far as the service tells.

use crate::listing::{entry, moment};
use crate::pack::{Buckets, Expires, LastUsed, List, Look, Moment};
use crate::scope::Scope;
use crate::service::Service;
use crate::verdict;
use keywheel_contract::{CredentialId, Error, LastUse, Result};
use keywheel_http_client::Effect;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment that the service tells of a credential.
struct Told<'p> {
    /// The operation that asks for it.
    op: &'static str,
    /// What it is the moment of.
    of: &'static str,
    at: &'p str,
    left_out: bool,
    how: Moment,
}

impl<'p> From<&'p LastUsed> for Told<'p> {
    fn from(used: &'p LastUsed) -> Self {
        Self {
            op: "last_used",
            of: "the last use",
            at: &used.at,
            left_out: used.left_out,
            how: used.moment,
        }
    }
}

impl<'p> From<&'p Expires> for Told<'p> {
    fn from(ends: &'p Expires) -> Self {
        Self {
            op: "expires_at",
            of: "its end",
            at: &ends.at,
            left_out: ends.left_out,
            how: ends.moment,
        }
    }
}

/// The last use of a credential that the scope names.
///
/// # Errors
/// The calls fail, it is not there, or the figure cannot be read.
pub(crate) async fn last_use(
    service: &Service,
    used: &LastUsed,
    id: &CredentialId,
    scope: &mut Scope,
) -> Result<LastUse> {
    let (asked_ms, told) = (now_ms()?, Told::from(used));
    let at_ms = match (&used.buckets, &used.list) {
        (Some(buckets), _) => in_buckets(service, &told, buckets, scope).await?,
        (None, Some(list)) => in_list(service, &told, list, id, scope).await?,
        (None, None) => in_sight(service, &told, id, scope).await?,
    };
    Ok(LastUse {
        at_ms,
        as_of_ms: asked_ms - i64::from(used.lag_seconds) * 1000,
        granularity: Duration::from_secs(used.granularity_seconds.into()),
    })
}

/// When a credential that the scope names ends by itself, epoch milliseconds.
///
/// # Errors
/// The calls fail, it is not there, or the moment cannot be read.
pub(crate) async fn expires_at(
    service: &Service,
    ends: &Expires,
    id: &CredentialId,
    scope: &mut Scope,
) -> Result<Option<i64>> {
    in_sight(service, &Told::from(ends), id, scope).await
}

fn now_ms() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .ok_or_else(|| Error::unavailable("this machine's clock is before 1970"))
}

/// The moment in an item. Nothing at all where the pack says that it is may mean anything: it may be called otherwise.
fn read(service: &Service, told: &Told<'_>, item: &Value) -> Result<Option<i64>> {
    match item.pointer(told.at) {
        Some(found) => moment(told.how, found).map_err(|()| unreadable(service, told, told.at)),
        None if told.left_out => Ok(None),
        None => Err(unreadable(service, told, told.at)),
    }
}

fn unreadable(service: &Service, told: &Told<'_>, pointer: &str) -> Error {
    let missing = format!("`{pointer}` that tells of {}", told.of);
    verdict::unreadable(&service.what(told.op), &missing, Effect::Reads)
}

/// Where the credential itself is looked at, or else listed.
async fn in_sight(
    service: &Service,
    told: &Told<'_>,
    id: &CredentialId,
    scope: &mut Scope,
) -> Result<Option<i64>> {
    match (&service.pack.look, &service.pack.list) {
        (Some(look), _) => in_look(service, told, look, scope).await,
        (None, Some(list)) => in_list(service, told, list, id, scope).await,
        (None, None) => Err(Error::invalid("the pack does not say where to look")),
    }
}

async fn in_look(
    service: &Service,
    told: &Told<'_>,
    look: &Look,
    scope: &mut Scope,
) -> Result<Option<i64>> {
    let (answer, verdict) = service
        .answer(&look.call, "admin", Effect::Reads, scope, None)
        .await?;
    if let Some(error) = verdict::error(&answer, verdict, &service.what(told.op), Effect::Reads) {
        return Err(error);
    }
    let body = answer.body.as_ref();
    let item = body.and_then(|body| body.value().pointer(&look.at));
    let item = item.ok_or_else(|| unreadable(service, told, &look.at))?;
    read(service, told, item)
}

/// Nothing is known of one that is not listed: that is not the same as never used.
async fn in_list(
    service: &Service,
    told: &Told<'_>,
    list: &List,
    id: &CredentialId,
    scope: &mut Scope,
) -> Result<Option<i64>> {
    let listed = service.listed(told.op, list.walk(), scope).await?;
    let is_it = |item: &&Value| {
        entry(&list.item, item, &service.key).is_some_and(|entry| entry.id == id.as_str())
    };
    let found = listed.items().find(is_it);
    let found = found.ok_or_else(|| {
        Error::not_found(service.what(&format!("{}: {id} is not listed", told.op)))
    })?;
    read(service, told, found)
}

async fn in_buckets(
    service: &Service,
    told: &Told<'_>,
    buckets: &Buckets,
    scope: &mut Scope,
) -> Result<Option<i64>> {
    let listed = service.listed(told.op, buckets.walk(), scope).await?;
    let mut last = None;
    for item in listed.items() {
        if counts(buckets, item).ok_or_else(|| unreadable(service, told, &buckets.counts))? {
            let began = read(service, told, item)?;
            last = last.max(Some(
                began.ok_or_else(|| unreadable(service, told, told.at))?,
            ));
        }
    }
    Ok(last)
}

/// Whether something was used in this span; `None` where the pack's pointer does not even come near it.
fn counts(buckets: &Buckets, span: &Value) -> Option<bool> {
    let (near, _) = buckets.counts.rsplit_once('/')?;
    span.pointer(near).filter(|near| !near.is_null())?;
    let found = span.pointer(&buckets.counts);
    Some(found.is_some_and(|one| !one.is_null()))
}
