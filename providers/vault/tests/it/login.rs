//! Logging in by each method, staying logged in, and being refused.

use crate::rig::{Kept, POLICY, in_memory, place, publish, store, word};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keywheel_contract::SecretStore;
use keywheel_provider_vault::VaultStore;
use keywheel_test_servers::openbao::OpenBao;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATH: &str = "production/login";

/// Enables a method and names the policy that its tokens get.
async fn enable(server: &OpenBao, method: &str) {
    server
        .post(&format!("sys/auth/{method}"), json!({ "type": method }))
        .await;
    server
        .post("sys/policies/acl/example", json!({ "policy": POLICY }))
        .await;
}

async fn works(store: &VaultStore) {
    let written = publish(store, &place(PATH), "example", 1).await;
    assert_eq!(word(written), "done");
}

async fn approle(server: &OpenBao, role: Value) -> (Kept, Kept) {
    enable(server, "approle").await;
    server.post("auth/approle/role/keywheel", role).await;
    let role_id = server.get("auth/approle/role/keywheel/role-id").await;
    let secret_id = server
        .post("auth/approle/role/keywheel/secret-id", json!({}))
        .await;
    let text = |value: &Value| Kept::new(value.as_str().unwrap());
    (text(&role_id["role_id"]), text(&secret_id["secret_id"]))
}

fn by_approle((role_id, secret_id): &(Kept, Kept)) -> Value {
    json!({ "approle": { "role_id": role_id.reference(), "secret_id": secret_id.reference() } })
}

/// The lifetimes of the tokens with this policy, oldest first.
async fn tokens(server: &OpenBao) -> Vec<Value> {
    let list = reqwest::Method::from_bytes(b"LIST").unwrap();
    let listed = server.call(list, "auth/token/accessors", None).await;
    let mut found = Vec::new();
    for accessor in listed["keys"].as_array().unwrap() {
        let asked = json!({ "accessor": accessor });
        let token = server.post("auth/token/lookup-accessor", asked).await;
        if token["policies"]
            .as_array()
            .unwrap()
            .contains(&json!("example"))
        {
            found.push(token);
        }
    }
    found
}

#[tokio::test]
async fn by_approle_with_a_wrong_secret_id_and_a_new_one() {
    let Some(server) = in_memory().await else {
        return;
    };
    let role = json!({ "token_policies": ["example"], "token_ttl": "1h" });
    let kept = approle(&server, role).await;
    let store = store(&server.address, by_approle(&kept), json!({}));
    works(&store).await;
    assert_eq!(tokens(&server).await.len(), 1, "one login for all calls");
    kept.1.replace("example-wrong");
    let other = crate::rig::store(&server.address, by_approle(&kept), json!({}));
    let refusal = other.inspect(&place(PATH)).await.unwrap_err();
    assert_eq!(refusal.word(), "denied");
    assert!(!refusal.message.contains("example-wrong"), "{refusal}");
}

#[tokio::test]
async fn a_token_is_renewed_and_a_revoked_one_replaced() {
    let Some(server) = in_memory().await else {
        return;
    };
    let role = json!({ "token_policies": ["example"], "token_ttl": "3s", "token_max_ttl": "1h" });
    let kept = approle(&server, role).await;
    let store = store(&server.address, by_approle(&kept), json!({}));
    works(&store).await;
    let first = tokens(&server).await.remove(0);
    tokio::time::sleep(Duration::from_millis(2200)).await;
    works(&store).await;
    let renewed = tokens(&server).await;
    assert_eq!(renewed.len(), 1, "renewed, not replaced");
    assert_eq!(renewed[0]["accessor"], first["accessor"]);
    assert_ne!(renewed[0]["expire_time"], first["expire_time"]);
    let revoked = json!({ "accessor": first["accessor"] });
    server.post("auth/token/revoke-accessor", revoked).await;
    works(&store).await;
    assert_ne!(tokens(&server).await[0]["accessor"], first["accessor"]);
    // An outlived one is replaced without a refused call in between.
    tokio::time::sleep(Duration::from_millis(3200)).await;
    works(&store).await;
}

#[tokio::test]
async fn a_replaced_token_file_is_picked_up_and_missing_rights_are_denied() {
    let Some(server) = in_memory().await else {
        return;
    };
    let first = server.token(POLICY, "1h").await;
    let token = Kept::new(&first);
    let login = json!({ "token": token.reference() });
    let store = store(&server.address, login, json!({}));
    works(&store).await;
    server
        .post("auth/token/revoke", json!({ "token": first }))
        .await;
    let refusal = store.inspect(&place(PATH)).await.unwrap_err();
    assert_eq!(refusal.word(), "denied");
    token.replace(&server.token(POLICY, "1h").await);
    works(&store).await;
    let elsewhere = store.inspect(&place("staging/other")).await.unwrap_err();
    assert_eq!(elsewhere.word(), "denied");
    assert!(
        elsewhere.message.contains("the policy of our token"),
        "{elsewhere}"
    );
}

#[tokio::test]
async fn by_a_signed_token() {
    let Some(server) = in_memory().await else {
        return;
    };
    enable(&server, "jwt").await;
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let pem = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n");
    server
        .post(
            "auth/jwt/config",
            json!({ "jwt_validation_pubkeys": [pem] }),
        )
        .await;
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["example"],
        "bound_subject": "keywheel", "token_policies": ["example"],
    });
    server.post("auth/jwt/role/keywheel", role).await;
    let jwt = Kept::new(&signed(&key, "keywheel"));
    let login = json!({ "jwt": { "role": "keywheel", "jwt": jwt.reference() } });
    works(&store(&server.address, login.clone(), json!({}))).await;
    jwt.replace(&signed(&key, "somebody"));
    let other = store(&server.address, login, json!({}));
    assert_eq!(word(other.inspect(&place(PATH)).await), "denied");
}

fn signed(key: &EcdsaKeyPair, subject: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = json!({ "sub": subject, "aud": "example", "iat": now, "exp": now + 600 });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({ "alg": "ES256", "typ": "JWT" }));
    let text = format!("{head}.{}", part(claims));
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// The one call that OpenBao makes to a cluster: whose token is this?
async fn review(Json(asked): Json<Value>) -> Json<Value> {
    let known = asked["spec"]["token"]
        .as_str()
        .is_some_and(|token| token.ends_with(".example"));
    let user = json!({
        "username": "system:serviceaccount:rotation:keywheel", "uid": "1",
        "groups": ["system:serviceaccounts"],
    });
    let status = json!({ "authenticated": known, "user": user });
    Json(json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status,
    }))
}

#[tokio::test]
async fn by_the_service_account_of_a_pod() {
    let Some(server) = in_memory().await else {
        return;
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cluster = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/apis/authentication.k8s.io/v1/tokenreviews", post(review));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    enable(&server, "kubernetes").await;
    let config = json!({
        "kubernetes_host": cluster, "disable_local_ca_jwt": true, "token_reviewer_jwt": "example",
        // Not asked of a cluster without encryption, but it must be there.
        "kubernetes_ca_cert": "example",
    });
    server.post("auth/kubernetes/config", config).await;
    let role = json!({
        "bound_service_account_names": ["keywheel"],
        "bound_service_account_namespaces": ["rotation"], "token_policies": ["example"],
        "audience": "",
    });
    server.post("auth/kubernetes/role/keywheel", role).await;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "sub": "system:serviceaccount:rotation:keywheel",
        "kubernetes.io": { "namespace": "rotation", "serviceaccount": { "name": "keywheel", "uid": "1" } },
    });
    let head = format!(
        "{}.{}",
        part(json!({ "alg": "RS256", "typ": "JWT" })),
        part(claims)
    );
    let jwt = Kept::new(&format!("{head}.example"));
    let login = json!({ "kubernetes": { "role": "keywheel", "jwt": jwt.reference() } });
    works(&store(&server.address, login.clone(), json!({}))).await;
    jwt.replace(&format!("{head}.stranger"));
    let other = store(&server.address, login, json!({}));
    assert_eq!(word(other.inspect(&place(PATH)).await), "denied");
}
