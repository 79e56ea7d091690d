//! A server that answers as a real one does on its bad days: between us and OpenBao stands a proxy that fails.

use crate::rig::{Kept, document, in_memory, mark, place, publish, publish_over, store, word};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::any};
use keywheel_contract::{ErrorKind, Found, SecretStore};
use keywheel_provider_vault::VaultStore;
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::openbao::OpenBao;
use serde_json::json;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the proxy does to calls of `data/…` that write.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Throttles,
    Redirects,
    /// Answers for a balancer that found no server, after the server did it.
    FailsAfter,
    /// Does it and then breaks the connection.
    BreaksAfter,
    /// Refuses with the value in its words.
    Echoes,
}

#[derive(Clone)]
struct Proxy {
    server: String,
    fault: Arc<Mutex<Fault>>,
    http: reqwest::Client,
}

impl Proxy {
    async fn forward(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response {
        let url = format!("{}{}", self.server, uri.path_and_query().unwrap());
        let mut request = self.http.request(method, url).body(body);
        for name in ["x-vault-token", "content-type"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap()).into_response()
    }
}

async fn pass(
    State(proxy): State<Proxy>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let writes = method == Method::POST && uri.path().starts_with("/v1/secret/data/");
    let fault = *proxy.fault.lock().unwrap();
    match fault {
        _ if !writes => proxy.forward(method, &uri, &headers, body).await,
        Fault::None => proxy.forward(method, &uri, &headers, body).await,
        Fault::Throttles => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")]).into_response(),
        Fault::Redirects => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", proxy.server)]).into_response()
        }
        Fault::FailsAfter => {
            proxy.forward(method, &uri, &headers, body).await;
            StatusCode::BAD_GATEWAY.into_response()
        }
        Fault::BreaksAfter => {
            proxy.forward(method, &uri, &headers, body).await;
            let broken = std::future::ready(Err::<Bytes, _>(io::Error::other("broken")));
            Response::new(Body::from_stream(futures_util::stream::once(broken)))
        }
        Fault::Echoes => {
            let text = String::from_utf8_lossy(&body).into_owned();
            (
                StatusCode::BAD_REQUEST,
                json!({ "errors": [text] }).to_string(),
            )
                .into_response()
        }
    }
}

struct Scene {
    server: OpenBao,
    store: VaultStore,
    fault: Arc<Mutex<Fault>>,
    _token: Kept,
}

impl Scene {
    /// A store that reaches its server through the proxy.
    async fn set() -> Option<Self> {
        let server = in_memory().await?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let fault = Arc::new(Mutex::new(Fault::None));
        let proxy = Proxy {
            server: server.address.clone(),
            fault: Arc::clone(&fault),
            http: reqwest::Client::new(),
        };
        let routes = Router::new().fallback(any(pass)).with_state(proxy);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let token = Kept::new(&server.root);
        let login = json!({ "token": token.reference() });
        Some(Self {
            store: store(&address, login, json!({})),
            server,
            fault,
            _token: token,
        })
    }

    fn fails(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_and_the_write_is_found_and_not_repeated() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    for (number, fault) in [(1, Fault::FailsAfter), (2, Fault::BreaksAfter)] {
        let place = place(&format!("doubt-{number}"));
        let seen = scene.store.inspect(&place).await.unwrap();
        scene.fails(fault);
        let lost = publish_over(&scene.store, &place, "example", number, &seen).await;
        assert_eq!(word(lost), "unknown_outcome");
        scene.fails(Fault::None);
        let document = document("example");
        let payload = scene.store.compose(&place, &document, &seen).await.unwrap();
        let found = scene.store.find(&place, &mark(number), &payload).await;
        assert!(matches!(found, Ok(Found::Current(_))), "{found:?}");
        let again = publish_over(&scene.store, &place, "example", number, &seen).await;
        assert_eq!(again.unwrap().as_str(), "1");
        assert_eq!(scene.store.list(&place).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_the_server_says() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene.fails(Fault::Throttles);
    let refusal = publish(&scene.store, &place("a"), "example", 1)
        .await
        .unwrap_err();
    let after = Some(Duration::from_secs(7));
    assert_eq!(refusal.kind, ErrorKind::Throttled { after });
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene.fails(Fault::Redirects);
    let answer = publish(&scene.store, &place("a"), "example", 1).await;
    assert_eq!(word(answer), "unavailable");
    let versions = scene.store.list(&place("a")).await.unwrap();
    assert!(versions.is_empty(), "it went where the answer pointed");
}

#[tokio::test]
async fn neither_errors_nor_logs_show_a_value_or_a_token() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let log = Log::of_every_thread();
    publish(&scene.store, &place("a"), "example-canary", 1)
        .await
        .unwrap();
    scene.fails(Fault::Echoes);
    let refusal = publish(&scene.store, &place("a"), "example-canary", 2).await;
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.word(), "invalid");
    let shown = format!("{refusal} {refusal:?} {}", log.text());
    assert!(shown.contains("secret/data/a"), "nothing was logged");
    assert!(!shown.contains("example-canary"), "{shown}");
    assert!(!shown.contains(&scene.server.root), "{shown}");
}
