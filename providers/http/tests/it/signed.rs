//! Packs whose services want calls signed, or hand out tokens for what is signed.

use crate::refused::example;
use keywheel_contract::conformance::report::Outcome;
use keywheel_contract::{Error, Issuer as _, Tag};
use keywheel_provider_http::HttpIssuer;
use keywheel_provider_http::contract::{Played, check};
use keywheel_provider_http::pack::Pack;
use keywheel_provider_http::shipped;
use keywheel_test_servers::serve::{Served, serve};

/// What the example says of who asks, in the pack and in its contract.
const ADMIN: &str = "headers = { authorization = \"Bearer {manager}\" }";
const GATE: &str = "auth.admin.headers = { authorization = \"Bearer example-manager-key\" }";
const KEY: &str = "credentials = { manager = \"example-manager-key\" }";

/// Other ways: their names, what the pack says, what its contract says, and how our credential is drawn there.
const WAYS: &[(&str, &str, &str, &str)] = &[
    (
        "bearer",
        BEARER,
        BEARER_GATE,
        "keys = { manager = \"ES256\" }",
    ),
    (
        "exchange",
        EXCHANGE,
        EXCHANGE_GATE,
        "keys = { manager = \"RS256\" }",
    ),
    ("client", CLIENT, CLIENT_GATE, KEY),
    ("hmac", HMAC, HMAC, KEY),
    ("sigv4", SIGV4, SIGV4, KEY),
];

/// A token of ours is shown as it is.
const BEARER: &str = r#"headers = { authorization = "Bearer {assertion}" }
jwt = { key = "manager", algorithm = "ES256", header = { kid = "k1" }, claims = { iss = "keywheel", jti = "{nonce}" } }"#;
const BEARER_GATE: &str = r#"headers = { authorization = "Bearer {assertion}" }
jwt = { key = "manager", algorithm = "ES256", header = { kid = "k1" }, claims = { iss = "keywheel", jti = "*" } }"#;

/// RFC 7523: it is exchanged for one of the service's, at another address.
const EXCHANGE: &str = r#"headers = { authorization = "Bearer {token}" }
jwt = { key = "manager", algorithm = "RS256", claims = { iss = "keywheel", aud = "https://tokens.acme.example.com/token" } }

[auth.admin.login]
base_url = "https://tokens.acme.example.com"
token = "/access_token"
lives = "/expires_in"
call = { post = "/token", form = { grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion = "{assertion}" } }"#;
const EXCHANGE_GATE: &str = r#"headers = { authorization = "Bearer {token}" }

[contract.auth.door]
jwt = { key = "manager", algorithm = "RS256", claims = { iss = "keywheel", aud = "https://tokens.acme.example.com/token" } }

[[contract.routes]]
call = "POST /token"
auth = "door"
does = "login"
takes = { grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion = "{assertion}" }
answer = { access_token = "{token}", token_type = "Bearer", expires_in = 3600 }"#;

/// RFC 6749, section 4.4, as a client that says its secret by HTTP's basic authentication.
const CLIENT: &str = r#"headers = { authorization = "Bearer {token}" }

[auth.client]
basic = "keywheel:{manager}"

[auth.admin.login]
token = "/access_token"
lives = "/expires_in"
call = { post = "/token", auth = "client", form = { grant_type = "client_credentials" } }"#;
const CLIENT_GATE: &str = r#"headers = { authorization = "Bearer {token}" }

[contract.auth.client]
basic = "keywheel:example-manager-key"

[[contract.routes]]
call = "POST /token"
auth = "client"
does = "login"
takes = { grant_type = "client_credentials" }
answer = { access_token = "{token}", token_type = "Bearer", expires_in = 3600 }"#;

pub(crate) const HMAC: &str = r#"headers = { x-moment = "{unix}", x-nonce = "{nonce}", x-code = "v1={signature}" }
hmac = { key = "manager", over = "{method}\n{path}\n{query}\n{unix}\n{nonce}\n{content_type}\n{body}\n{body_sha256}", written = "base64" }"#;
pub(crate) const SIGV4: &str = r#"sigv4 = { id = "AKIDEXAMPLE", key = "manager", service = "execute-api", region = "eu-west-1" }"#;

/// The example with another way to say who asks.
pub(crate) fn example_with(way: &str, gate: &str, key: &str) -> Pack {
    let example = example();
    assert!([ADMIN, GATE, KEY].iter().all(|part| example.contains(part)));
    let text = example
        .replacen(ADMIN, way, 1)
        .replacen(&format!("{GATE}\n"), "", 1);
    let text = text.replacen(KEY, key, 1) + "\n\n[contract.auth.admin]\n" + gate;
    Pack::parse(&text).unwrap_or_else(|error| panic!("{way}: {error}"))
}

fn of(way: &str) -> Pack {
    let (_, way, gate, key) = WAYS.iter().find(|(name, ..)| *name == way).unwrap();
    example_with(way, gate, key)
}

async fn served(pack: &Pack) -> (Played, Served, HttpIssuer) {
    let played = Played::new(pack);
    let served = serve(played.router(), None).await;
    let issuer = played.issuer(&served.address).unwrap();
    (played, served, issuer)
}

fn tag(number: u32) -> Tag {
    Tag::new(format!("keywheel-example-{number}"))
}

/// How often a token was asked for.
fn logins(played: &Played) -> usize {
    let asked = played.exchanges();
    let logins = asked.iter().filter(|one| one.path.contains("token"));
    logins.count()
}

#[tokio::test]
async fn every_way_keeps_its_contract() {
    for (name, way, gate, key) in WAYS {
        let report = check(&example_with(way, gate, key)).await.unwrap();
        assert_eq!(report.failed(), 0, "{name}: {report}");
        let clock = report
            .cases
            .iter()
            .find(|case| case.name.starts_with("a clock"));
        let said = matches!(clock.unwrap().result, Outcome::Passed);
        assert_eq!(said, *name != "client", "{name}: {report}");
    }
}

/// The service knows us by another key than we have.
async fn refused(pack: &Pack, other: &Pack) -> Error {
    let (_played, served, _) = served(pack).await;
    let ours = Played::new(other).issuer(&served.address).unwrap();
    ours.mint(&tag(0)).await.err().unwrap()
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_never_shown() {
    for (name, ..) in WAYS {
        let pack = of(name);
        let mut other = pack.clone();
        for key in other.contract.credentials.values_mut() {
            *key = "example-of-a-wrong-key".to_owned();
        }
        let said = refused(&pack, &other).await;
        assert_eq!(said.word(), "denied", "{name}: {said}");
        assert!(
            said.message
                .contains("put a new one where `credentials` points"),
            "{said}"
        );
        assert!(!format!("{said:?}").contains("wrong-key"), "{said:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_said_before_anything_is_sent() {
    for way in ["bearer", "exchange"] {
        let pack = of(way);
        let (played, served, _) = served(&pack).await;
        let mut other = pack.clone();
        other.contract.keys.clear();
        let wrong = "example-of-no-key".to_owned();
        other
            .contract
            .credentials
            .insert("manager".to_owned(), wrong);
        let ours = Played::new(&other).issuer(&served.address).unwrap();
        let said = ours.mint(&tag(0)).await.err().unwrap();
        assert_eq!(said.word(), "invalid");
        assert!(
            said.message
                .contains("`credentials.manager` is no unencrypted private key"),
            "{said}"
        );
        assert!(!said.message.contains("example-of"), "{said}");
        assert!(played.exchanges().is_empty());
    }
}

#[tokio::test]
async fn a_token_is_used_until_it_ends_or_is_refused() {
    let (played, _served, issuer) = served(&of("exchange")).await;
    for number in 0..3 {
        issuer.mint(&tag(number)).await.unwrap();
    }
    assert_eq!(logins(&played), 1);
    played.forget_tokens();
    assert_eq!(issuer.mint(&tag(3)).await.err().unwrap().word(), "denied");
    issuer.mint(&tag(3)).await.unwrap();
    assert_eq!(logins(&played), 2);
}

/// One that ends within a minute is not kept: it could end on the way.
#[tokio::test]
async fn a_token_that_ends_soon_is_renewed_each_time() {
    let mut pack = of("exchange");
    let login = pack
        .contract
        .routes
        .iter_mut()
        .find(|route| route.call == "POST /token");
    login.unwrap().answer["expires_in"] = 60.into();
    let (played, _served, issuer) = served(&pack).await;
    for number in 0..3 {
        issuer.mint(&tag(number)).await.unwrap();
    }
    assert_eq!(logins(&played), 3);
}

/// The key of an App is replaced: the next login is refused, and says which credential.
#[tokio::test]
async fn an_app_logs_in_once_for_an_hour_and_with_its_key_alone() {
    let (played, _served, issuer) = served(shipped::pack("github-app-deploy-key").unwrap()).await;
    let made = issuer.propose(None).await.unwrap();
    issuer.apply(&tag(0), &made).await.unwrap();
    issuer.last_used(&made.id).await.unwrap();
    assert_eq!(logins(&played), 1);
    played.change_keys();
    played.forget_tokens();
    issuer.state(&made.id).await.unwrap_err();
    let said = issuer.state(&made.id).await.unwrap_err();
    assert_eq!(said.word(), "denied");
    assert!(
        said.message
            .contains("login: our own credential is refused"),
        "{said}"
    );
}

#[tokio::test]
async fn nothing_that_is_signed_with_is_in_an_address_or_a_body() {
    for (name, ..) in WAYS {
        let (played, _served, issuer) = served(&of(name)).await;
        let made = issuer.mint(&tag(0)).await.unwrap();
        issuer.find(&tag(0)).await.unwrap();
        issuer.revoke(&made.id).await.unwrap();
        let asked = played.exchanges();
        assert!(asked.len() >= 3);
        for one in asked {
            let whole = format!("{}\n{}", one.path, one.body);
            assert!(
                !whole.contains("manager-key") && !whole.contains("PRIVATE"),
                "{name}: {whole}"
            );
            assert!(
                !one.path.contains("eyJ") && !one.path.contains("example-token"),
                "{name}: {}",
                one.path
            );
        }
    }
}
