//! AWS's signature, version 4 (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
//!
//! Written here, in a hundred lines, because AWS's own crate brings its runtime and a second implementation of
//! HMAC and SHA-256 with it, for a provider that has nothing else to do with AWS.

use super::host;
use crate::pack::Sigv4;
use crate::request::add;
use crate::scope::Scope;
use crate::text::encoded;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use keywheel_contract::Result;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Request, Url};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The header with the moment.
pub(crate) const MOMENT: &str = "x-amz-date";
/// How the moment is written.
pub(crate) const WRITTEN: &str = "%Y%m%dT%H%M%SZ";
/// The one service for which a path is encoded once.
const STORAGE: &str = "s3";

/// Headers in order; one may hold a session's token.
type Headers = BTreeMap<String, Zeroizing<String>>;

/// Adds the moment and the signature. The query is sent as it is signed.
///
/// # Errors
/// `Invalid`: a name has no value.
pub(crate) fn sign(
    request: &mut Request,
    how: &Sigv4,
    scope: &Scope,
    at: DateTime<Utc>,
) -> Result<()> {
    let query = query(request.url());
    request
        .url_mut()
        .set_query((!query.is_empty()).then_some(query.as_str()));
    add(
        request.headers_mut(),
        MOMENT,
        &at.format(WRITTEN).to_string(),
    )?;
    let text = authorization(request, how, scope, at)?;
    add(request.headers_mut(), AUTHORIZATION.as_str(), &text)
}

/// What the header `authorization` says of a request that is otherwise ready.
///
/// # Errors
/// `Invalid`: a name has no value.
pub(crate) fn authorization(
    request: &Request,
    how: &Sigv4,
    scope: &Scope,
    at: DateTime<Utc>,
) -> Result<Zeroizing<String>> {
    let (day, moment) = (at.format("%Y%m%d").to_string(), at.format(WRITTEN));
    let region = how.region.fill(scope)?;
    let context = format!("{day}/{}/{}/aws4_request", region.as_str(), how.service);
    let headers = headers(request);
    let whole = canonical(request, &headers, how.service != STORAGE);
    let text = format!(
        "{ALGORITHM}\n{moment}\n{context}\n{}",
        hashed(whole.as_bytes())
    );
    let secret = scope.text(&how.key)?;
    let mut key = Zeroizing::new([b"AWS4".as_slice(), secret.as_bytes()].concat());
    for part in [
        day.as_str(),
        region.as_str(),
        &how.service,
        "aws4_request",
        &text,
    ] {
        key = Zeroizing::new(code(&key, part));
    }
    Ok(Zeroizing::new(format!(
        "{ALGORITHM} Credential={}/{context}, SignedHeaders={}, Signature={}",
        how.id.fill(scope)?.as_str(),
        names(&headers),
        hex::encode(&*key)
    )))
}

fn code(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hashed(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// The request as it is signed.
fn canonical(request: &Request, headers: &Headers, twice: bool) -> Zeroizing<String> {
    let url = request.url();
    let path = match twice {
        true => url
            .path()
            .split('/')
            .map(encoded)
            .collect::<Vec<_>>()
            .join("/"),
        false => url.path().to_owned(),
    };
    let lines: String = headers
        .iter()
        .map(|(name, text)| format!("{name}:{}\n", text.as_str()))
        .collect();
    let lines = Zeroizing::new(lines);
    let body = request
        .body()
        .and_then(|body| body.as_bytes())
        .unwrap_or_default();
    Zeroizing::new(format!(
        "{}\n{path}\n{}\n{}\n{}\n{}",
        request.method(),
        query(url),
        lines.as_str(),
        names(headers),
        hashed(body)
    ))
}

/// The query in order, each part encoded.
fn query(url: &Url) -> String {
    let pairs = url.query_pairs();
    let mut pairs: Vec<_> = pairs
        .map(|(name, text)| (encoded(&name), encoded(&text)))
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, text)| format!("{name}={text}"))
        .collect();
    pairs.join("&")
}

/// The headers that are signed: those that AWS gives a meaning to.
fn headers(request: &Request) -> Headers {
    let meant = |name: &str| name == CONTENT_TYPE.as_str() || name.starts_with("x-amz-");
    let own = request
        .headers()
        .iter()
        .filter(|(name, _)| meant(name.as_str()));
    let mut all: Headers = own
        .map(|(name, text)| {
            let words = text.to_str().unwrap_or_default().split_whitespace();
            (
                name.as_str().to_owned(),
                Zeroizing::new(words.collect::<Vec<_>>().join(" ")),
            )
        })
        .collect();
    all.insert("host".to_owned(), Zeroizing::new(host(request.url())));
    all
}

fn names(headers: &Headers) -> String {
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    names.join(";")
}

#[cfg(test)]
mod tests {
    use super::{canonical, headers, sign};
    use crate::pack::Sigv4;
    use crate::scope::Scope;
    use chrono::NaiveDate;
    use keywheel_contract::SecretValue;
    use reqwest::{Method, Request, Url};

    /// The published key of AWS's examples.
    const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const TOKEN: &str = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";

    fn asked(method: Method, url: &str, more: &[(&'static str, &str)]) -> Request {
        let mut request = Request::new(method, Url::parse(url).unwrap());
        for (name, text) in more {
            request.headers_mut().insert(*name, text.parse().unwrap());
        }
        request
    }

    /// What AWS signs on that day in August 2015, in `us-east-1`.
    fn signature(mut request: Request, service: &str) -> String {
        let how = format!(
            "id = 'AKIDEXAMPLE'\nkey = 'secret'\nservice = '{service}'\nregion = 'us-east-1'"
        );
        let how: Sigv4 = toml::from_str(&how).unwrap();
        let mut scope = Scope::default();
        scope.keep("secret", SecretValue::from(KEY.to_owned()));
        let day = NaiveDate::from_ymd_opt(2015, 8, 30).unwrap();
        let at = day.and_hms_opt(12, 36, 0).unwrap().and_utc();
        sign(&mut request, &how, &scope, at).unwrap();
        let shown = request.headers()["authorization"].to_str().unwrap();
        assert!(shown.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"));
        assert!(!format!("{request:?}").contains("Signature"));
        shown.rsplit_once('=').unwrap().1.to_owned()
    }

    /// AWS's signing test suite, by the names of its cases.
    #[test]
    fn signatures_are_those_of_the_published_suite() {
        let host = "https://example.amazonaws.com/";
        let plain = |method, query: &str| asked(method, &format!("{host}{query}"), &[]);
        let with_token = asked(Method::GET, host, &[("x-amz-security-token", TOKEN)]);
        for (name, request, expected) in [
            (
                "get-vanilla",
                plain(Method::GET, ""),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "get-vanilla-query-order-key-case",
                plain(Method::GET, "?Param2=value2&Param1=value1"),
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "get-vanilla-query-order-encoded",
                plain(Method::GET, "?Param-3=Value3&Param=Value2&%E1%88%B4=Value1"),
                "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
            ),
            (
                "post-vanilla-query",
                plain(Method::POST, "?Param1=value1"),
                "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
            ),
            (
                "get-vanilla-with-session-token",
                with_token,
                "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
            ),
        ] {
            assert_eq!(signature(request, "service"), expected, "{name}");
        }
    }

    /// The example that AWS's documentation of the signature went through.
    #[test]
    fn the_documented_call_of_iam_is_signed_as_documented() {
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let url = "https://iam.amazonaws.com/?Version=2010-05-08&Action=ListUsers";
        let request = asked(Method::GET, url, &[("content-type", kind)]);
        let expected = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        assert_eq!(signature(request, "iam"), expected);
    }

    /// The suite's `double-encode-path` and `double-url-encode`.
    #[test]
    fn a_path_is_encoded_once_more_but_for_storage() {
        let url = "https://h.example.com/test/@connections/JBDvjfGEIAMCERw%3D";
        let request = asked(Method::POST, url, &[]);
        let line = |twice| {
            let whole = canonical(&request, &headers(&request), twice);
            whole.lines().nth(1).unwrap().to_owned()
        };
        assert_eq!(line(true), "/test/%40connections/JBDvjfGEIAMCERw%253D");
        assert_eq!(line(false), "/test/@connections/JBDvjfGEIAMCERw%3D");
    }
}
