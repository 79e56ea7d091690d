//! What we sign, against other people's programs: AWS's own client and Python's own library.

use crate::refused::example;
use crate::signed::{HMAC, SIGV4};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use keywheel_contract::{FingerprintKey, Issuer as _, SecretValue, Tag};
use keywheel_provider_http::{HttpIssuer, HttpOptions};
use keywheel_test_servers::python::Packages;
use keywheel_test_servers::serve::serve;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// As `tests/servers` has it.
const BOTO3: &str = "boto3==1.44.5";

/// Says of each request what its header should be.
const SCRIPT: &str = r#"
import base64, datetime, hashlib, hmac, json, sys
from urllib.parse import urlsplit
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

def aws(asked, headers):
    signed = {name: text for name, text in headers.items() if name in ("host", "content-type")}
    request = AWSRequest(asked["method"], asked["url"], data=asked["body"], headers=signed)
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", sys.argv[1]), "execute-api", "eu-west-1")
    request.context["timestamp"] = headers["x-amz-date"]
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return request.headers["Authorization"]

def code(asked, headers):
    url, body = urlsplit(asked["url"]), asked["body"]
    parts = [asked["method"], url.path, url.query, headers["x-moment"], headers["x-nonce"],
        headers.get("content-type", ""), body, hashlib.sha256(body.encode()).hexdigest()]
    made = hmac.new(sys.argv[1].encode(), "\n".join(parts).encode(), hashlib.sha256)
    return "v1=" + base64.b64encode(made.digest()).decode()

told = [(code if "x-code" in one["headers"] else aws)(one, one["headers"]) for one in json.load(sys.stdin)]
print(json.dumps(told))
"#;

type Seen = Arc<Mutex<Vec<Value>>>;

/// Keeps what came, and knows nothing.
async fn kept(State(seen): State<Seen>, request: Request) -> axum::Json<Value> {
    let (head, body) = request.into_parts();
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers: serde_json::Map<String, Value> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value).into()))
        .collect();
    let url = format!("http://{}{}", headers["host"].as_str().unwrap(), head.uri);
    let body = to_bytes(body, 4096).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    seen.lock().unwrap().push(
        json!({ "method": head.method.as_str(), "url": url, "headers": headers, "body": body }),
    );
    axum::Json(json!({ "keys": [], "key": { "id": "k1", "secret": "acme_example" } }))
}

/// Some calls of the example's pack with this way to say who asks.
async fn asked(way: &str) -> Vec<Value> {
    let seen = Seen::default();
    let served = serve(
        Router::new().fallback(kept).with_state(Arc::clone(&seen)),
        None,
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("manager"), KEY).unwrap();
    let pack = example().replacen("headers = { authorization = \"Bearer {manager}\" }", way, 1);
    // What needs to be encoded in a path and in a query.
    let pack = pack.replacen("[a-z]+", ".+", 1);
    let pack = pack.replacen(
        "keys\" }\n\n[[revoke]]",
        "keys\", query = { b = \"~ +/{workspace}\", B = \"\", a = \"é\" } }\n\n[[revoke]]",
        1,
    );
    assert!(pack.contains("é"));
    std::fs::write(folder.path().join("acme.toml"), pack).unwrap();
    let options: HttpOptions = serde_json::from_value(json!({
        "pack": "acme", "base_url": format!("{}/v1", served.address),
        "credentials": { "manager": { "file": "manager" } }, "parameters": { "workspace": "a b/c:@é" },
    }))
    .unwrap();
    let key = FingerprintKey::new(&SecretValue::new(vec![7; 32]));
    let issuer = HttpIssuer::new(&options, folder.path(), folder.path(), Arc::new(key)).unwrap();
    let tag = Tag::new("keywheel-example-1");
    let made = issuer.mint(&tag).await.unwrap();
    assert!(issuer.find(&tag).await.unwrap().is_empty());
    issuer.revoke(&made.id).await.unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test]
async fn other_programs_sign_every_call_alike() {
    let Some(packages) = Packages::installed(&[BOTO3]) else {
        return;
    };
    let mut all = asked(SIGV4).await;
    all.extend(asked(HMAC).await);
    assert_eq!(all.len(), 6);
    let input = serde_json::to_string(&all).unwrap();
    let told: Vec<String> = serde_json::from_str(&packages.run(SCRIPT, &[KEY], &input)).unwrap();
    for (one, told) in all.iter().zip(told) {
        let headers = &one["headers"];
        let ours = headers
            .get("authorization")
            .or(headers.get("x-code"))
            .unwrap();
        assert_eq!(*ours, told, "{} {}", one["method"], one["url"]);
    }
    let moments: std::collections::BTreeSet<&str> = all
        .iter()
        .filter_map(|one| one["headers"]["x-nonce"].as_str())
        .collect();
    assert_eq!(moments.len(), 3, "a nonce is used once");
}
