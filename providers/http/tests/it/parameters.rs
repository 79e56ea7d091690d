//! What the inventory says of a credential is what the service is asked for.

use keywheel_contract::{Issuer as _, Tag};
use keywheel_provider_http::contract::Played;
use keywheel_provider_http::shipped;
use keywheel_test_servers::serve::serve;
use serde_json::{Value, json};

/// The body of a mint with these further parameters.
async fn asked_for(name: &str, more: Value) -> String {
    let mut pack = shipped::pack(name).unwrap().clone();
    let more = more.as_object().unwrap().clone();
    pack.contract.parameters.extend(more);
    let played = Played::new(&pack);
    let served = serve(played.router(), None).await;
    let issuer = played.issuer(&served.address).unwrap();
    issuer.mint(&Tag::new("keywheel-example-1")).await.unwrap();
    played.exchanges().remove(0).body
}

/// Without them the new endpoint would be sent other events than the one it replaces.
#[tokio::test]
async fn a_webhook_keeps_whose_events_it_is_sent_and_their_version() {
    let plain = asked_for("stripe-webhook", json!({})).await;
    assert!(!plain.contains("connect=") && !plain.contains("api_version="));
    let more = json!({ "connect": true, "api_version": "2024-06-20" });
    let whole = asked_for("stripe-webhook", more).await;
    for part in ["connect=true", "api_version=2024-06-20"] {
        assert!(whole.split('&').any(|pair| pair == part), "{whole}");
    }
}

/// Without them the new token would work where and when the one it replaces does not.
#[tokio::test]
async fn a_token_of_cloudflare_keeps_its_limits() {
    let body = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let plain = body(asked_for("cloudflare", json!({})).await);
    assert_eq!(plain.as_object().unwrap().len(), 2, "{plain}");
    let more = json!({
        "condition": { "request_ip": { "in": ["192.0.2.0/24"] } },
        "expires_on": "2030-01-01T00:00:00Z",
        "not_before": "2026-01-01T00:00:00Z",
    });
    let whole = body(asked_for("cloudflare", more.clone()).await);
    for (name, value) in more.as_object().unwrap() {
        assert_eq!(whole.get(name), Some(value), "{name}");
    }
}
