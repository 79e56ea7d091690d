//! The conformance suite of the contract, with the permissions of the manual's role and no others.

use crate::rig::{role, store};
use async_trait::async_trait;
use keywheel_contract::conformance::store::{StoreHarness, suite};
use keywheel_contract::{Place, SecretStore};
use keywheel_provider_google::GoogleStore;
use keywheel_test_servers::google::Google;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

struct Places {
    google: Google,
    store: GoogleStore,
    parent: &'static str,
    selector: &'static str,
    used: AtomicU32,
}

const THEIRS: &str = r#"{"other":"example <&>","deep":{"list":[1,2.5,null,true]}}"#;

#[async_trait]
impl StoreHarness for Places {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    async fn fresh_place(&self) -> Place {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        let path = format!("place-{number}");
        let name = format!("{}/secrets/{path}", self.parent);
        self.google.create(&name, &json!({}));
        Place {
            path,
            fields: vec!["TOKEN".to_owned(), "user.name".to_owned()],
            selector: Some(self.selector.to_owned()),
        }
    }

    async fn plant_foreign(&self, place: &Place) -> bool {
        let name = format!("{}/secrets/{}", self.parent, place.path);
        let number = self.google.add(&name, THEIRS);
        if !matches!(self.selector, "latest" | "pinned") {
            self.google.point(&name, self.selector, number);
        }
        true
    }

    async fn foreign_kept(&self, place: &Place) -> bool {
        let name = format!("{}/secrets/{}", self.parent, place.path);
        let versions = self.google.versions(&name);
        let read: Value = serde_json::from_str(&versions.last().unwrap().2).unwrap();
        let theirs: Value = serde_json::from_str(THEIRS).unwrap();
        let mut each = theirs.as_object().unwrap().iter();
        each.all(|(key, value)| read[key] == *value)
    }
}

async fn run(selector: &'static str, region: Option<&str>, passed: usize) {
    let google = Google::start(None).await;
    google.grant(&role());
    let (parent, more) = match region {
        None => ("projects/example", json!({ "selector": selector })),
        Some(region) => (
            "projects/example/locations/europe-west3",
            json!({ "selector": selector, "location": region }),
        ),
    };
    let places = Places {
        store: store(&google, more),
        google,
        parent,
        selector,
        used: AtomicU32::new(0),
    };
    let report = suite(&places).await;
    keywheel_test_servers::counts::suite(&report);
    assert_eq!((report.failed(), report.passed()), (0, passed), "{report}");
}

/// All but the case of a put that equals its repeat.
#[tokio::test]
async fn readers_of_an_alias() {
    run("current", None, 17).await;
}

/// Neither staging nor compare-and-set.
#[tokio::test]
async fn readers_of_the_newest_version() {
    run("latest", None, 15).await;
}

#[tokio::test]
async fn readers_of_numbers() {
    run("pinned", None, 15).await;
}

#[tokio::test]
async fn regional_secrets() {
    run("current", Some("europe-west3"), 17).await;
}
