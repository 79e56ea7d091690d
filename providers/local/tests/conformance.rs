//! The conformance suites of the contract, against the providers of this crate.

#![cfg(test)]

use async_trait::async_trait;
use keywheel_contract::conformance::issuer::{self, IssuerHarness};
use keywheel_contract::conformance::report::Report;
use keywheel_contract::conformance::store::{self, StoreHarness};
use keywheel_contract::{
    Credential, CredentialId, Fields, FingerprintKey, Issuer, Place, SecretStore, SecretValue,
};
use keywheel_provider_local::{
    DotenvStore, FilesOptions, FilesStore, ManualIssuer, ManualOptions, RandomIssuer, RandomOptions,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// `cases` keeps a capability that is lost by accident from hiding as a skipped case.
fn passes(report: &Report, cases: usize) {
    keywheel_test_servers::counts::suite(&report);
    assert_eq!((report.failed(), report.passed()), (0, cases), "{report}");
}

/// A store in a folder of its own, with places of a fixed shape.
struct Places<S> {
    store: S,
    root: TempDir,
    fields: &'static [&'static str],
    foreign: Option<&'static str>,
    used: AtomicU32,
}

impl<S> Places<S> {
    fn new(fields: &'static [&'static str], open: impl FnOnce(&TempDir) -> S) -> Self {
        let root = tempfile::tempdir().unwrap();
        Self {
            store: open(&root),
            root,
            fields,
            foreign: None,
            used: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl<S: SecretStore> StoreHarness for Places<S> {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    async fn fresh_place(&self) -> Place {
        Place {
            path: format!("place-{}", self.used.fetch_add(1, Ordering::Relaxed)),
            fields: self.fields.iter().map(|name| (*name).to_owned()).collect(),
            selector: None,
        }
    }

    async fn plant_foreign(&self, place: &Place) -> bool {
        let planted = self
            .foreign
            .map(|text| std::fs::write(self.root.path().join(&place.path), text));
        planted.is_some_and(|written| written.is_ok())
    }

    async fn foreign_kept(&self, place: &Place) -> bool {
        let now = std::fs::read_to_string(self.root.path().join(&place.path)).unwrap();
        self.foreign.is_some_and(|text| now.starts_with(text))
    }
}

fn files(root: &TempDir) -> FilesStore {
    FilesStore::new(FilesOptions::default(), root.path().to_owned()).unwrap()
}

#[tokio::test]
async fn files_with_one_value() {
    passes(&store::suite(&Places::new(&[], files)).await, 16);
}

#[tokio::test]
async fn files_with_fields() {
    passes(
        &store::suite(&Places::new(&["TOKEN", "user.name"], files)).await,
        16,
    );
}

#[tokio::test]
async fn dotenv() {
    let key = Arc::new(FingerprintKey::new(&SecretValue::new(vec![7; 32])));
    let mut places = Places::new(&["API_KEY", "API_KEY_OLD"], |root| {
        DotenvStore::new(root.path().to_owned(), key)
    });
    places.foreign = Some("# example\nOTHER='a b' # kept\n");
    passes(&store::suite(&places).await, 13);
}

struct Random(RandomIssuer);

impl IssuerHarness for Random {
    fn issuer(&self) -> &dyn Issuer {
        &self.0
    }
}

#[tokio::test]
async fn random() {
    let issuer = RandomIssuer::new(RandomOptions::default()).unwrap();
    passes(&issuer::suite(&Random(issuer)).await, 6);
}

struct Manual(ManualIssuer, AtomicU32);

#[async_trait]
impl IssuerHarness for Manual {
    fn issuer(&self) -> &dyn Issuer {
        &self.0
    }

    async fn provided(&self) -> Option<Credential> {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        Some(Credential {
            id: CredentialId::new(format!("example-{number}")),
            fields: Fields::single(SecretValue::from(format!("ex-value{number}"))),
        })
    }
}

#[tokio::test]
async fn manual() {
    let issuer = ManualIssuer::new(ManualOptions {
        prefix: Some("ex-".to_owned()),
        ..ManualOptions::default()
    });
    passes(
        &issuer::suite(&Manual(issuer.unwrap(), AtomicU32::new(0))).await,
        4,
    );
}
