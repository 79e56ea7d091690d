//! What a look at the server and its paths tells: who we are, which rights we have, whose clock is right. Nothing is
//! changed.

use crate::kv::{Kv, parsed};
use crate::requests::{OwnCapabilities, ReadHealth};
use chrono::Utc;
use keywheel_contract::{Finding, Place, Result, Verdict};
use keywheel_http_client::Effect;
use serde::Deserialize;
use std::collections::BTreeMap;
use vaultrs::api::token::requests::LookupTokenSelfRequest;

/// A clock that is further off is said to be: versions would be dated wrongly.
const NOTABLE_SECONDS: i64 = 30;

/// What each kind of path needs, as policies write it.
const NEEDED: [(&str, &[&str]); 5] = [
    ("data", &["create", "read", "update"]),
    ("metadata", &["create", "read", "update", "patch"]),
    ("delete", &["create", "update"]),
    ("undelete", &["create", "update"]),
    ("destroy", &["create", "update"]),
];

#[derive(Deserialize)]
struct Identity {
    display_name: Option<String>,
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    identity_policies: Option<Vec<String>>,
    ttl: Option<i64>,
}

#[derive(Deserialize)]
struct Health {
    server_time_utc: i64,
}

/// Our token, without showing it.
pub(crate) async fn identity(kv: &Kv) -> Finding {
    let answer = async {
        let answer = kv
            .api
            .call(&LookupTokenSelfRequest {}, Effect::Reads)
            .await?;
        parsed::<Identity>(&answer, "looking up our token")
    };
    match answer.await {
        Ok(who) => Finding::new("identity", Verdict::Good, who.described()),
        Err(error) => Finding::new("identity", Verdict::Missing, error.message),
    }
}

impl Identity {
    fn described(self) -> String {
        let mut policies = self.policies;
        policies.extend(self.identity_policies.unwrap_or_default());
        let name = self.display_name.unwrap_or_default();
        let left = match self.ttl {
            None | Some(0) => "without end".to_owned(),
            Some(seconds) => format!("for {seconds} s"),
        };
        format!("{name}, by the policies {}, {left}", policies.join(", "))
    }
}

/// How far the server's clock is from ours.
pub(crate) async fn clock(kv: &Kv) -> Finding {
    let health = kv.api.call(&ReadHealth, Effect::Reads).await.ok();
    let told = health.and_then(|answer| serde_json::from_slice::<Health>(&answer.body).ok());
    let Some(told) = told else {
        return Finding::new(
            "clock",
            Verdict::Unproven,
            "the server did not tell its time",
        );
    };
    let off = Utc::now().timestamp() - told.server_time_utc;
    let verdict = match off.abs() {
        0..=NOTABLE_SECONDS => Verdict::Good,
        _ => Verdict::Warning,
    };
    Finding::new("clock", verdict, format!("{off} s from the server's"))
}

/// Each right that rotations of this place need.
pub(crate) async fn rights(kv: &Kv, place: &Place) -> Vec<Finding> {
    let path = |kind: &str| format!("{}/{kind}/{}", kv.mount, place.path);
    let mut wanted: Vec<_> = NEEDED
        .iter()
        .map(|(kind, can)| (path(kind), *can))
        .collect();
    wanted.push((format!("{}/config", kv.mount), &["read"]));
    let paths: Vec<String> = wanted.iter().map(|(path, _)| path.clone()).collect();
    match capabilities(kv, &paths).await {
        Ok(have) => wanted
            .iter()
            .map(|(path, can)| right(path, can, &have))
            .collect(),
        Err(error) => {
            let about = format!("permission: {}", place.path);
            vec![Finding::new(about, Verdict::Unproven, error.message)]
        }
    }
}

async fn capabilities(kv: &Kv, paths: &[String]) -> Result<BTreeMap<String, Vec<String>>> {
    let asked = OwnCapabilities { paths };
    let answer = kv.api.call(&asked, Effect::Reads).await?;
    // Beside the paths the answer has one list for all of them.
    parsed(&answer, "asking what our token may do")
}

fn right(path: &str, needed: &[&str], have: &BTreeMap<String, Vec<String>>) -> Finding {
    let have = have.get(path).map(Vec::as_slice).unwrap_or_default();
    let may = |what: &&&str| have.iter().any(|one| one == **what || one == "root");
    let missing: Vec<&str> = needed.iter().filter(|what| !may(what)).copied().collect();
    let about = format!("permission: {path}");
    match missing.is_empty() {
        true => Finding::new(about, Verdict::Good, needed.join(", ")),
        false => Finding::new(
            about,
            Verdict::Missing,
            format!("lacks {}", missing.join(", ")),
        ),
    }
}

/// The smallest policy for these places.
pub(crate) fn policy(mount: &str, places: &[Place]) -> String {
    let rule = |path: String, can: &[&str]| {
        let can: Vec<String> = can.iter().map(|one| format!("\"{one}\"")).collect();
        format!(
            "path \"{path}\" {{\n  capabilities = [{}]\n}}\n",
            can.join(", ")
        )
    };
    let mut rules = vec![rule(format!("{mount}/config"), &["read"])];
    for place in places {
        let of_place =
            |(kind, can): &(&str, &[&str])| rule(format!("{mount}/{kind}/{}", place.path), can);
        rules.extend(NEEDED.iter().map(of_place));
    }
    rules.concat()
}
