//! Says who asks: by headers, by a pair, or by a signature over what is asked. Pure but for randomness; the moment is
//! given.

mod hmac;
mod jwt;
pub(crate) mod sigv4;

pub(crate) use hmac::signature;
pub(crate) use jwt::assertion;

use crate::pack::Auth;
use crate::request::{add, pairs};
use crate::scope::Scope;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use keywheel_contract::{Result, SecretValue, draw};
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use zeroize::Zeroizing;

/// Names of the request, which an HMAC is made over.
pub(crate) const OF_REQUEST: [&str; 7] = [
    "method",
    "path",
    "query",
    "host",
    "content_type",
    "body",
    "body_sha256",
];
/// Names of the moment at which something is signed.
pub(crate) const OF_MOMENT: [&str; 3] = ["unix", "unix_ms", "nonce"];
/// What comes of it.
pub(crate) const MADE: [&str; 3] = ["assertion", "signature", "token"];

/// Adds who asks. A login's `{token}` is in the scope already.
///
/// # Errors
/// `Invalid`: a name has no value, a key is none, or a header cannot have such a text.
pub(crate) fn sign(
    request: &mut Request,
    auth: &Auth,
    scope: &mut Scope,
    at: DateTime<Utc>,
) -> Result<()> {
    moment(scope, at)?;
    if let (Some(jwt), None) = (&auth.jwt, &auth.login) {
        scope.keep("assertion", assertion(jwt, scope, at)?);
    }
    if let Some(hmac) = &auth.hmac {
        of_request(request, scope);
        scope.keep("signature", signature(hmac, scope)?);
    }
    for (name, text) in pairs(&auth.headers, scope)? {
        add(request.headers_mut(), name, &text)?;
    }
    if let Some(basic) = &auth.basic {
        let pair = Zeroizing::new(STANDARD.encode(basic.fill(scope)?.as_bytes()));
        let text = Zeroizing::new(format!("Basic {}", pair.as_str()));
        add(request.headers_mut(), AUTHORIZATION.as_str(), &text)?;
    }
    match &auth.sigv4 {
        Some(sigv4) => sigv4::sign(request, sigv4, scope, at),
        None => Ok(()),
    }
}

/// Names the moment; the nonce is drawn anew each time.
///
/// # Errors
/// `Unavailable`: the operating system gives no randomness.
pub(crate) fn moment(scope: &mut Scope, at: DateTime<Utc>) -> Result<()> {
    let mut nonce = [0; 16];
    draw::fill(&mut nonce)?;
    scope.set("unix", at.timestamp().into());
    scope.set("unix_ms", at.timestamp_millis().into());
    scope.set("nonce", hex::encode(nonce).into());
    Ok(())
}

/// Names the request as it is sent. Its body may hold a secret.
pub(crate) fn of_request(request: &Request, scope: &mut Scope) {
    let url = request.url();
    let body = request
        .body()
        .and_then(|body| body.as_bytes())
        .unwrap_or_default();
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (host, hash) = (host(url), hex::encode(digest(&SHA256, body)));
    for (name, text) in [
        ("method", request.method().as_str()),
        ("path", url.path()),
        ("query", url.query().unwrap_or_default()),
        ("host", host.as_str()),
        ("content_type", kind),
        ("body_sha256", hash.as_str()),
    ] {
        scope.set(name, text.into());
    }
    scope.keep("body", SecretValue::new(body.to_vec()));
}

/// As the header `host` has it.
pub(crate) fn host(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
