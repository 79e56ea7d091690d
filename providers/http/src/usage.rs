//! When a credential was last used, as far as the service tells.

use crate::listing::{entry, moment};
use crate::pack::{Buckets, LastUsed, List};
use crate::scope::Scope;
use crate::service::Service;
use crate::verdict;
use keywheel_contract::{CredentialId, Error, LastUse, Result};
use keywheel_http_client::Effect;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    let asked_ms = now_ms()?;
    let at_ms = match (
        &used.buckets,
        &service.pack.look,
        &used.list,
        &service.pack.list,
    ) {
        (Some(buckets), ..) => in_buckets(service, used, buckets, scope).await?,
        (None, _, Some(list), _) => in_list(service, used, list, id, scope).await?,
        (None, Some(_), None, _) => in_look(service, used, scope).await?,
        (None, None, None, Some(list)) => in_list(service, used, list, id, scope).await?,
        (None, None, None, None) => {
            return Err(Error::invalid("the pack does not say where to look"));
        }
    };
    Ok(LastUse {
        at_ms,
        as_of_ms: asked_ms - i64::from(used.lag_seconds) * 1000,
        granularity: Duration::from_secs(used.granularity_seconds.into()),
    })
}

fn now_ms() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    since
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .ok_or_else(|| Error::unavailable("this machine's clock is before 1970"))
}

/// The moment in an item. Nothing at all where the pack says that it is may mean anything: it may be called otherwise.
fn read(service: &Service, used: &LastUsed, item: &Value) -> Result<Option<i64>> {
    match item.pointer(&used.at) {
        Some(found) => moment(used.moment, found).map_err(|()| unreadable(service, &used.at)),
        None if used.left_out => Ok(None),
        None => Err(unreadable(service, &used.at)),
    }
}

fn unreadable(service: &Service, pointer: &str) -> Error {
    let missing = format!("`{pointer}` that tells of the last use");
    verdict::unreadable(&service.what("last_used"), &missing, Effect::Reads)
}

async fn in_look(service: &Service, used: &LastUsed, scope: &mut Scope) -> Result<Option<i64>> {
    let look = service
        .pack
        .look
        .as_ref()
        .ok_or_else(|| unreadable(service, &used.at))?;
    let (answer, told) = service
        .answer(&look.call, "admin", Effect::Reads, scope, None)
        .await?;
    if let Some(error) = verdict::error(&answer, told, &service.what("last_used"), Effect::Reads) {
        return Err(error);
    }
    let item = answer
        .body
        .as_ref()
        .and_then(|body| body.value().pointer(&look.at));
    read(
        service,
        used,
        item.ok_or_else(|| unreadable(service, &look.at))?,
    )
}

/// Nothing is known of one that is not listed: that is not the same as never used.
async fn in_list(
    service: &Service,
    used: &LastUsed,
    list: &List,
    id: &CredentialId,
    scope: &mut Scope,
) -> Result<Option<i64>> {
    let listed = service.listed("last_used", list.walk(), scope).await?;
    let is_it = |item: &&Value| {
        entry(&list.item, item, &service.key).is_some_and(|entry| entry.id == id.as_str())
    };
    let found = listed.items().find(is_it);
    let found = found
        .ok_or_else(|| Error::not_found(service.what(&format!("last_used: {id} is not listed"))))?;
    read(service, used, found)
}

async fn in_buckets(
    service: &Service,
    used: &LastUsed,
    buckets: &Buckets,
    scope: &mut Scope,
) -> Result<Option<i64>> {
    let listed = service.listed("last_used", buckets.walk(), scope).await?;
    let mut last = None;
    for item in listed.items() {
        if counts(buckets, item).ok_or_else(|| unreadable(service, &buckets.counts))? {
            let began = read(service, used, item)?;
            last = last.max(Some(began.ok_or_else(|| unreadable(service, &used.at))?));
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
