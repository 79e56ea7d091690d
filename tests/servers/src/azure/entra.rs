//! Tokens: how a vault asks for one, and where clients get it.

use super::vault::random_id;
use super::{CLIENT, FEDERATED, Inside, OBJECT, SECRET, Shared, TENANT};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Whose tokens the vault takes.
const RESOURCE: &str = "https://vault.azure.net";
/// How long a token lives, in seconds.
const LIFETIME: u32 = 3600;

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(configuration),
        )
        .route("/common/discovery/instance", get(instance))
}

/// Everything else needs a token that was handed out here.
pub(crate) async fn only_with_a_token(
    State(vault): Inside,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let given = headers
        .get("authorization")
        .and_then(|text| text.to_str().ok());
    let token = given.and_then(|text| text.strip_prefix("Bearer "));
    let known = token.is_some_and(|token| vault.lock().unwrap().tokens.contains(token));
    if !known {
        let host = origin(&headers);
        let challenge =
            format!("Bearer authorization=\"{host}/{TENANT}\", resource=\"{RESOURCE}\"");
        let body = Json(json!({ "error": { "code": "Unauthorized", "message": "no token" } }));
        return (
            StatusCode::UNAUTHORIZED,
            [("www-authenticate", challenge)],
            body,
        )
            .into_response();
    }
    let query = request.uri().query().unwrap_or_default();
    if !query.contains("api-version=") {
        return super::answers::No::BAD.into_response();
    }
    next.run(request).await
}

/// `https://host:port` as the client wrote it.
pub(crate) fn origin(headers: &HeaderMap) -> String {
    let host = headers.get("host").and_then(|text| text.to_str().ok());
    format!("https://{}", host.unwrap_or_default())
}

async fn token(State(vault): Inside, Path(tenant): Path<String>, body: String) -> Response {
    let form = fields(&body);
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if tenant != TENANT {
        return refused(400, 90002);
    }
    if field("client_id") != CLIENT {
        return refused(400, 700_016);
    }
    if field("scope")
        .split(' ')
        .all(|scope| scope != "https://vault.azure.net/.default")
    {
        return refused(400, 70011);
    }
    match (field("client_secret"), field("client_assertion")) {
        (SECRET, "") | ("", FEDERATED) => {}
        ("", _) => return refused(401, 700_211),
        _ => return refused(401, 7_000_215),
    }
    let claims = json!({ "tid": TENANT, "appid": CLIENT, "oid": OBJECT, "jti": random_id() });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!(
        "{}.{}.example",
        part(&json!({ "alg": "none" })),
        part(&claims)
    );
    let mut vault = vault.lock().unwrap();
    vault.tokens.insert(token.clone());
    vault.tokens_made += 1;
    Json(json!({
        "token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token,
    }))
    .into_response()
}

pub(crate) fn refused(status: u16, code: u32) -> Response {
    let body = json!({
        "error": "invalid_client", "error_description": format!("AADSTS{code}: refused"), "error_codes": [code],
    });
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

/// The fields of a form, or of a query, which is written the same way.
pub(crate) fn fields(text: &str) -> HashMap<String, String> {
    let url = Url::parse(&format!("https://localhost/?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// What the vendor's client in Python reads before it asks for a token.
pub(crate) async fn configuration(Path(tenant): Path<String>, headers: HeaderMap) -> Json<Value> {
    let at = format!("{}/{tenant}", origin(&headers));
    Json(json!({
        "issuer": format!("{at}/v2.0"),
        "authorization_endpoint": format!("{at}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{at}/oauth2/v2.0/token"),
    }))
}

pub(crate) async fn instance(headers: HeaderMap) -> Json<Value> {
    let at = format!(
        "{}/{TENANT}/v2.0/.well-known/openid-configuration",
        origin(&headers)
    );
    Json(json!({ "tenant_discovery_endpoint": at, "metadata": [] }))
}
