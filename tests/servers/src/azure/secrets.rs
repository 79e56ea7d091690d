//! The requests about secrets.

use super::answers::{Answer, No};
use super::entra::{fields, origin};
use super::vault::{Vault, Version};
use super::{Inside, Right, Shared};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Entries of a page where the client asks for no other number, and the most it can ask for.
const PAGE: usize = 25;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/secrets", get(list))
        .route("/secrets/{name}", put(set).get(newest).delete(delete))
        .route("/secrets/{name}/", get(newest))
        .route("/secrets/{name}/versions", get(versions))
        .route("/secrets/{name}/{version}", get(exact).patch(update))
        .route("/deletedsecrets", get(deleted))
        .route("/deletedsecrets/{name}", get(bin).delete(purge))
        .route("/deletedsecrets/{name}/recover", post(recover))
}

async fn set(
    State(vault): Inside,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    let mut vault = vault.lock().unwrap();
    vault.ensure(Right::Set)?;
    let made = vault.set_among_people(&name, &body)?;
    Ok(Json(made.whole(&origin(&headers), &name)))
}

async fn newest(State(vault): Inside, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let vault = vault.lock().unwrap();
    vault.ensure(Right::Get)?;
    Ok(Json(
        vault.get(&name, None)?.whole(&origin(&headers), &name),
    ))
}

async fn exact(
    State(vault): Inside,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let vault = vault.lock().unwrap();
    vault.ensure(Right::Get)?;
    let found = vault.get(&name, Some(&version))?;
    Ok(Json(found.whole(&origin(&headers), &name)))
}

async fn update(
    State(vault): Inside,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    let mut vault = vault.lock().unwrap();
    vault.ensure(Right::Set)?;
    let changed = vault.update(&name, &version, &body)?;
    let id = format!("{}/secrets/{name}/{version}", origin(&headers));
    Ok(Json(changed.properties(&id)))
}

async fn versions(
    State(vault): Inside,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let vault = vault.lock().unwrap();
    vault.ensure(Right::List)?;
    let at = format!("{}/secrets/{name}", origin(&headers));
    let versions = vault.secrets.get(&name).cloned().unwrap_or_default();
    // In the order of the ids, which says nothing of their age.
    let mut shown: Vec<(String, Value)> = versions
        .iter()
        .map(|version| {
            (
                version.id.clone(),
                version.properties(&format!("{at}/{}", version.id)),
            )
        })
        .collect();
    shown.sort_by(|(a, _), (b, _)| a.cmp(b));
    let shown = shown.into_iter().map(|(_, version)| version).collect();
    Ok(Json(page(shown, &format!("{at}/versions"), &uri)))
}

async fn list(State(vault): Inside, uri: Uri, headers: HeaderMap) -> Answer {
    let vault = vault.lock().unwrap();
    vault.ensure(Right::List)?;
    let at = format!("{}/secrets", origin(&headers));
    let shown = vault
        .secrets
        .iter()
        .filter_map(|(name, versions)| Some(versions.last()?.properties(&format!("{at}/{name}"))));
    Ok(Json(page(shown.collect(), &at, &uri)))
}

/// One page and the link to the next.
fn page(entries: Vec<Value>, at: &str, uri: &Uri) -> Value {
    let asked = fields(uri.query().unwrap_or_default());
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("maxresults").unwrap_or(PAGE).min(PAGE);
    let from = number("$skiptoken").unwrap_or(0);
    let next = (from + size < entries.len()).then(|| {
        let to = from + size;
        format!("{at}?api-version=2025-07-01&maxresults={size}&$skiptoken={to}")
    });
    let shown: Vec<Value> = entries.into_iter().skip(from).take(size).collect();
    json!({ "value": shown, "nextLink": next })
}

async fn delete(State(vault): Inside, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let mut vault = vault.lock().unwrap();
    vault.ensure(Right::Set)?;
    let newest = vault.delete(&name)?;
    Ok(Json(in_bin(&newest, &origin(&headers), &name)))
}

async fn bin(State(vault): Inside, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let vault = vault.lock().unwrap();
    vault.ensure(Right::Get)?;
    let newest = newest_in_bin(&vault, &name)?;
    Ok(Json(in_bin(newest, &origin(&headers), &name)))
}

async fn deleted(State(vault): Inside, uri: Uri, headers: HeaderMap) -> Answer {
    let vault = vault.lock().unwrap();
    vault.ensure(Right::List)?;
    let at = origin(&headers);
    let shown = vault.bin.iter().filter_map(|(name, versions)| {
        let mut shown = in_bin(versions.last()?, &at, name);
        shown.as_object_mut()?.remove("value");
        Some(shown)
    });
    Ok(Json(page(
        shown.collect(),
        &format!("{at}/deletedsecrets"),
        &uri,
    )))
}

async fn purge(State(vault): Inside, Path(name): Path<String>) -> Result<StatusCode, No> {
    let mut vault = vault.lock().unwrap();
    vault.ensure(Right::Set)?;
    newest_in_bin(&vault, &name)?;
    vault.bin.remove(&name);
    Ok(StatusCode::NO_CONTENT)
}

async fn recover(State(vault): Inside, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let mut vault = vault.lock().unwrap();
    vault.ensure(Right::Set)?;
    let newest = vault.recover(&name)?;
    Ok(Json(newest.properties(&format!(
        "{}/secrets/{name}/{}",
        origin(&headers),
        newest.id
    ))))
}

fn newest_in_bin<'v>(vault: &'v Vault, name: &str) -> Result<&'v Version, No> {
    let versions = vault.bin.get(name).ok_or(No::NOT_FOUND)?;
    versions.last().ok_or(No::NOT_FOUND)
}

fn in_bin(newest: &Version, at: &str, name: &str) -> Value {
    let mut shown = newest.whole(at, name);
    shown["recoveryId"] = Value::from(format!("{at}/deletedsecrets/{name}"));
    shown["deletedDate"] = Value::from(1_700_000_000);
    shown["scheduledPurgeDate"] = Value::from(1_707_776_000);
    shown
}
