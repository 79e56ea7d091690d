//! AWS's own rotation, played: no emulator carries it out truly. `roto-aws` copies the current value and is over at once,
//! `moto` refuses what AWS allows and the other way round. This stands in front of an emulator, passes everything on but
//! `RotateSecret`, and does for that what AWS and a rotation function do, by the emulator's own API: a version of the
//! given name with a new value under `AWSPENDING`, then `AWSCURRENT` moved to it. What it keeps to is in AWS's reference
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html>): the answer comes before the
//! rotation is over, a token that was used begins nothing, and nothing begins while `AWSPENDING` is on a version that is
//! not current. It was not compared with AWS itself.

use crate::proxy::pass_on;
use crate::serve::{Served, serve};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the rotation function behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The new value is current after this long.
    Well(Duration),
    /// It stays at the first step.
    Never,
    /// It takes the label away again and leaves what was current.
    GivenUp,
    /// It makes the value current that was current before.
    Unchanged,
}

/// The function, and what it did; copies share it.
#[derive(Clone)]
pub struct Function {
    emulator: String,
    client: Client,
    ends: Arc<Mutex<Ends>>,
    begun: Arc<Mutex<Vec<String>>>,
    /// The current value to the next.
    makes: Arc<dyn Fn(&str) -> String + Send + Sync>,
}

/// In front of an emulator at that address; `makes` turns the current value into the next one.
pub async fn in_front_of(
    emulator: &str,
    makes: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (Served, Function) {
    let function = Function {
        emulator: emulator.to_owned(),
        client: Client::new(),
        ends: Arc::new(Mutex::new(Ends::Well(Duration::from_millis(300)))),
        begun: Arc::default(),
        makes: Arc::new(makes),
    };
    let router = Router::new().fallback(answer).with_state(function.clone());
    (serve(router, None).await, function)
}

async fn answer(State(function): State<Function>, request: Request) -> Response<Body> {
    let target = request.headers().get("x-amz-target");
    if target.is_none_or(|target| !target.as_bytes().ends_with(b".RotateSecret")) {
        let upstream = (function.emulator, function.client);
        return pass_on(State(upstream), request).await;
    }
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    let asked: Value = serde_json::from_slice(&body.unwrap()).unwrap();
    let (status, told) = function.rotate(&asked).await;
    let response = Response::builder().status(status);
    let response = response.header("content-type", "application/x-amz-json-1.1");
    response.body(Body::from(told.to_string())).unwrap()
}

impl Function {
    /// How it behaves from the next rotation on.
    pub fn ends(&self, how: Ends) {
        *self.ends.lock().unwrap() = how;
    }

    /// The names of all versions that a rotation was begun for.
    #[must_use]
    pub fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }

    /// Finishes a version that it stopped at.
    pub async fn finish(&self, secret: &str, version: &str) {
        let current = self.holder(secret, "AWSCURRENT").await;
        self.relabel(secret, "AWSCURRENT", current.as_deref(), Some(version))
            .await;
        self.relabel(secret, "AWSPENDING", Some(version), None)
            .await;
    }

    /// Leaves a version that it stopped at.
    pub async fn give_up(&self, secret: &str, version: &str) {
        self.relabel(secret, "AWSPENDING", Some(version), None)
            .await;
    }

    async fn rotate(&self, asked: &Value) -> (u16, Value) {
        let secret = asked["SecretId"].as_str().unwrap();
        let token = asked["ClientRequestToken"].as_str().unwrap();
        let refused = |why: &str| {
            let told = json!({ "__type": "InvalidRequestException", "message": why });
            (400, told)
        };
        let seen = self
            .call("DescribeSecret", json!({ "SecretId": secret }))
            .await;
        if seen["RotationEnabled"] != true {
            return refused("No Lambda rotation function ARN is associated with this secret.");
        }
        let told = (
            200,
            json!({ "ARN": seen["ARN"], "Name": seen["Name"], "VersionId": token }),
        );
        if self.begun().iter().any(|begun| begun == token) {
            return told;
        }
        let pending = self.holder(secret, "AWSPENDING").await;
        if pending.is_some() && pending != self.holder(secret, "AWSCURRENT").await {
            return refused(
                "A previous rotation isn't complete. That rotation will be reattempted.",
            );
        }
        self.begin(secret, token).await;
        told
    }

    async fn begin(&self, secret: &str, token: &str) {
        self.begun.lock().unwrap().push(token.to_owned());
        let current = self
            .call("GetSecretValue", json!({ "SecretId": secret }))
            .await;
        let current = current["SecretString"].as_str().unwrap();
        let ends = *self.ends.lock().unwrap();
        let next = match ends {
            Ends::Unchanged => current.to_owned(),
            _ => (self.makes)(current),
        };
        let made = json!({ "SecretId": secret, "ClientRequestToken": token, "SecretString": next,
                           "VersionStages": ["AWSPENDING"] });
        self.call("PutSecretValue", made).await;
        let (function, secret, token) = (self.clone(), secret.to_owned(), token.to_owned());
        tokio::spawn(async move {
            match ends {
                Ends::Well(after) => {
                    tokio::time::sleep(after).await;
                    function.finish(&secret, &token).await;
                }
                Ends::Unchanged => function.finish(&secret, &token).await,
                Ends::GivenUp => function.give_up(&secret, &token).await,
                Ends::Never => {}
            }
        });
    }

    async fn holder(&self, secret: &str, label: &str) -> Option<String> {
        let seen = self
            .call("DescribeSecret", json!({ "SecretId": secret }))
            .await;
        let versions = seen["VersionIdsToStages"].as_object()?;
        let has = |labels: &Value| labels.as_array().unwrap().contains(&json!(label));
        let found = versions.iter().find(|(_, labels)| has(labels));
        found.map(|(version, _)| version.clone())
    }

    async fn relabel(&self, secret: &str, label: &str, from: Option<&str>, to: Option<&str>) {
        let mut asked = json!({ "SecretId": secret, "VersionStage": label });
        for (key, version) in [("RemoveFromVersionId", from), ("MoveToVersionId", to)] {
            if let Some(version) = version {
                asked[key] = json!(version);
            }
        }
        self.call("UpdateSecretVersionStage", asked).await;
    }

    async fn call(&self, operation: &str, asked: Value) -> Value {
        const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=EXAMPLE/20260101/us-east-1/secretsmanager/aws4_request, \
                              SignedHeaders=host, Signature=00";
        let asked = self
            .client
            .post(&self.emulator)
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", SIGNED)
            .body(asked.to_string());
        let answer = asked.send().await.unwrap();
        let (status, body) = (answer.status(), answer.bytes().await.unwrap());
        assert!(status.is_success(), "{operation}: {status}");
        serde_json::from_slice(&body).unwrap()
    }
}
