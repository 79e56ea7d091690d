//! From a call of a pack to a request (pure).

use crate::body::{Body, filled, over};
use crate::pack::{Call, Method};
use crate::scope::{Scope, plain};
use crate::text::{Text, encoded};
use bytes::Bytes;
use keywheel_contract::{Error, Result};
use keywheel_http_client::Effect;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Request, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A body with its type.
type Payload = (String, Zeroizing<Vec<u8>>);

/// The request, without who asks. `more` is a further parameter of the query: the page that is asked for.
///
/// # Errors
/// `Invalid`: a name has no value, or what it stands for cannot be there.
pub(crate) fn request(
    base: &Url,
    call: &Call,
    scope: &Scope,
    more: Option<(&str, &str)>,
) -> Result<Request> {
    let (method, path) = call
        .line()
        .ok_or_else(|| Error::invalid("a call without a path"))?;
    let address = format!(
        "{}{}",
        base.as_str().trim_end_matches('/'),
        path.fill_path(scope)?.as_str()
    );
    let mut url =
        Url::parse(&address).map_err(|_| Error::invalid("the address cannot be built"))?;
    let query = pairs(&call.query, scope)?;
    if !query.is_empty() || more.is_some() {
        let mut pairs = url.query_pairs_mut();
        pairs.extend_pairs(query.iter().map(|(name, text)| (*name, text.as_str())));
        pairs.extend_pairs(more);
    }
    let mut request = Request::new(verb(method), url);
    for (name, text) in pairs(&call.headers, scope)? {
        add(request.headers_mut(), name, &text)?;
    }
    if let Some((kind, bytes)) = payload(call, scope)? {
        add(request.headers_mut(), CONTENT_TYPE.as_str(), &kind)?;
        // Wiped by its owner once it is sent.
        *request.body_mut() = Some(Bytes::from_owner(bytes).into());
    }
    Ok(request)
}

/// Whether a call changes something there.
pub(crate) fn effect(call: &Call) -> Effect {
    match call.line() {
        Some((Method::Get, _)) | None => Effect::Reads,
        Some(_) => Effect::Changes,
    }
}

fn verb(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// Adds a header; its text is never shown.
///
/// # Errors
/// `Invalid`: no header may hold it.
pub(crate) fn add(headers: &mut HeaderMap, name: &str, text: &str) -> Result<()> {
    let wrong = || {
        Error::invalid(format!(
            "the header `{name}` has a character that no header may hold"
        ))
    };
    let name: HeaderName = name.parse().map_err(|_| wrong())?;
    let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Names with their texts filled in, once for each item of a list; a parameter that the inventory leaves out is left
/// out.
///
/// # Errors
/// `Invalid`: a name has no value.
pub(crate) fn pairs<'c>(
    texts: &'c BTreeMap<String, Text>,
    scope: &Scope,
) -> Result<Vec<(&'c str, Zeroizing<String>)>> {
    let left_out = |text: &Text| {
        text.only_name()
            .is_some_and(|name| scope.public(name) == Some(&Value::Null))
    };
    let kept = texts.iter().filter(|(_, text)| !left_out(text));
    let mut pairs = Vec::new();
    for (name, text) in kept {
        match text.only_name().and_then(|only| scope.public(only)) {
            Some(Value::Array(items)) => {
                let items = items.iter().filter_map(plain).map(Zeroizing::new);
                pairs.extend(items.map(|item| (name.as_str(), item)));
            }
            _ => pairs.push((name.as_str(), text.fill(scope)?)),
        }
    }
    Ok(pairs)
}

fn payload(call: &Call, scope: &Scope) -> Result<Option<Payload>> {
    if let Some(template) = &call.json {
        let own = filled(template, scope)?;
        let base = call.over.as_deref().and_then(|name| scope.public(name));
        let whole = match base {
            Some(base) => Body::new(over(base, &call.keep, own)),
            None => Body::new(own),
        };
        return Ok(Some(("application/json".to_owned(), whole.bytes()?)));
    }
    if !call.form.is_empty() {
        return Ok(Some(form(&pairs(&call.form, scope)?)));
    }
    if !call.parts.is_empty() {
        return parts(&pairs(&call.parts, scope)?).map(Some);
    }
    Ok(None)
}

fn form(pairs: &[(&str, Zeroizing<String>)]) -> Payload {
    let one = |(name, text): &(&str, Zeroizing<String>)| {
        Zeroizing::new(format!(
            "{}={}",
            encoded(name),
            Zeroizing::new(encoded(text)).as_str()
        ))
    };
    let pairs: Vec<_> = pairs.iter().map(one).collect();
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        pairs.iter().map(|pair| pair.len() + 1).sum(),
    ));
    for pair in &pairs {
        if !bytes.is_empty() {
            bytes.push(b'&');
        }
        bytes.extend_from_slice(pair.as_bytes());
    }
    ("application/x-www-form-urlencoded".to_owned(), bytes)
}

/// RFC 7578. The boundary is random, so that no text holds it.
fn parts(pairs: &[(&str, Zeroizing<String>)]) -> Result<Payload> {
    let mut random = [0; 16];
    keywheel_contract::draw::fill(&mut random)?;
    let boundary = format!("keywheel-{}", hex::encode(random));
    let head = |name: &str| {
        format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n")
    };
    let end = format!("--{boundary}--\r\n");
    let room = |(name, text): &(&str, Zeroizing<String>)| head(name).len() + text.len() + 2;
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        pairs.iter().map(room).sum::<usize>() + end.len(),
    ));
    for (name, text) in pairs {
        bytes.extend_from_slice(head(name).as_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(end.as_bytes());
    Ok((format!("multipart/form-data; boundary={boundary}"), bytes))
}

#[cfg(test)]
mod tests {
    use super::request;
    use crate::pack::{Auth, Call};
    use crate::scope::Scope;
    use crate::sign::sign;
    use chrono::DateTime;
    use keywheel_contract::SecretValue;
    use reqwest::{Request, Url};
    use serde_json::json;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.set("id", "a/b".into());
        scope.set("none", json!(null));
        scope.set("old", json!({ "kept": 1, "status": "active" }));
        scope.keep("value", SecretValue::from("exa mple&".to_owned()));
        scope
    }

    fn made(call: &str) -> Request {
        let call: Call = toml::from_str(call).unwrap();
        let base = Url::parse("https://api.example.com/v1/").unwrap();
        request(&base, &call, &scope(), Some(("page", "2"))).unwrap()
    }

    fn body(request: &Request) -> String {
        let bytes = request.body().unwrap().as_bytes().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_path_is_below_the_base_and_what_is_left_out_is_not_sent() {
        let made = made("get = '/keys/{id}'\nquery = { a = '{none}', b = '{id}' }");
        assert_eq!(
            made.url().as_str(),
            "https://api.example.com/v1/keys/a%2Fb?b=a%2Fb&page=2"
        );
    }

    #[test]
    fn bodies_have_their_types() {
        let json = made(
            "put = '/k'\nover = 'old'\nkeep = ['kept']\njson = { status = 'disabled', gone = '{none}' }",
        );
        assert_eq!(body(&json), r#"{"kept":1,"status":"disabled"}"#);
        let form = made("post = '/k'\nform = { 'a[]' = '{value}', b = '1' }");
        assert_eq!(body(&form), "a%5B%5D=exa%20mple%26&b=1");
        let parts = made("post = '/k'\nparts = { a = '{value}' }");
        let kind = parts.headers()["content-type"].to_str().unwrap().to_owned();
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nexa mple&\r\n--{boundary}--\r\n"
        );
        assert_eq!(body(&parts), expected);
    }

    #[test]
    fn who_asks_is_said_by_headers_or_by_a_pair_and_never_shown() {
        let mut request = made("get = '/k'");
        let auth: Auth =
            toml::from_str("basic = 'api:{value}'\nheaders = { x-key = '{value}' }").unwrap();
        sign(&mut request, &auth, &mut scope(), DateTime::default()).unwrap();
        assert_eq!(
            request.headers()["authorization"],
            "Basic YXBpOmV4YSBtcGxlJg=="
        );
        assert_eq!(request.headers()["x-key"], "exa mple&");
        assert!(!format!("{request:?}").contains("mple&"));
    }
}
