//! What we may do in a cluster, by its own account: questions that are asked by POST and change nothing.

use crate::refusal::parse;
use crate::transport::{Answer, Form, Transport};
use keywheel_contract::{Finding, Result, Verdict};
use keywheel_http_client::Effect;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const MAY: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// Something that we want to do; an empty name is all of them, an empty group the core group.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Wish<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) name: &'a str,
}

/// A review, as far as we read it.
#[derive(Deserialize)]
struct Review {
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    allowed: bool,
    user_info: User,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

impl Transport {
    /// Whether the cluster grants it; `about` names the thing for people.
    pub(crate) async fn right(&self, wish: Wish<'_>, about: &str) -> Finding {
        let resource = wish.resource;
        let what = match wish.verb {
            "list" => format!("permission to list {resource}: {about}"),
            verb => format!("permission to {verb}: {about}"),
        };
        match self.may(wish).await {
            Ok(true) => Finding::new(what, Verdict::Good, "the cluster grants it"),
            Ok(false) => Finding::new(what, Verdict::Missing, "the cluster refuses it"),
            Err(error) => Finding::new(what, Verdict::Unproven, error.message),
        }
    }

    async fn may(&self, wish: Wish<'_>) -> Result<bool> {
        let body = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                           "spec": { "resourceAttributes": wish } });
        let answer = self.ask(MAY, &body).await?;
        let review: Review = parse(&answer, "asking what we may do", Effect::Reads)?;
        Ok(review.status.allowed)
    }

    /// Who we are there, and when the cluster says it answered.
    pub(crate) async fn identity(&self) -> (Finding, Option<String>) {
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        match self.ask(WHO, &body).await {
            // Clusters before 1.28 do not know the question.
            Ok(answer) if answer.status == 404 => {
                let detail = "the cluster does not tell who we are";
                (
                    Finding::new("identity", Verdict::Unproven, detail),
                    answer.date,
                )
            }
            Ok(answer) => (who(&answer), answer.date),
            Err(error) => (
                Finding::new("identity", Verdict::Missing, error.message),
                None,
            ),
        }
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Answer> {
        let body = Zeroizing::new(body.to_string().into_bytes());
        let sent = (Form::Json, body);
        self.put(Method::POST, path, &[], sent, Effect::Reads).await
    }
}

fn who(answer: &Answer) -> Finding {
    match parse::<Review>(answer, "asking who we are", Effect::Reads) {
        Ok(review) => {
            let name = review.status.user_info.username;
            let (verdict, more) = match name.starts_with("system:serviceaccount:") {
                true => (Verdict::Good, ""),
                false => (
                    Verdict::Warning,
                    ": not a service account, so that its rights may be a person's",
                ),
            };
            let detail = format!("{}{more}", name.escape_default());
            Finding::new("identity", verdict, detail)
        }
        Err(error) => Finding::new("identity", Verdict::Missing, error.message),
    }
}
