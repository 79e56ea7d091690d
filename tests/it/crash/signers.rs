//! The same sweep with keys that sign JSON web tokens: each run has a published set of its own, and one key is left in it.

use super::issuers::sweep;
use super::rig::fast_folder;
use super::world::native::NativeIssuer;
use keywheel_contract::{Credential, Issuer, Tag};
use keywheel_provider_jwt::{JwtKeyIssuer, JwtKeyOptions};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The issuer of a new set in that file. Verifiers see a change at once, and no token is left to be waited for.
fn issuer(file: &Path) -> JwtKeyIssuer {
    std::fs::write(file, "{\"keys\": []}").unwrap();
    let options = json!({
        "algorithm": "ES256", "jwks_file": file, "cache_time": "0s", "token_life": "0s",
    });
    let options: JwtKeyOptions = serde_json::from_value(options).unwrap();
    JwtKeyIssuer::new(&options, Path::new("/nonexistent")).unwrap()
}

/// A set with the key in use.
async fn begun(file: PathBuf) -> (Arc<dyn Issuer>, Credential) {
    let issuer = issuer(&file);
    let first = issuer.propose(None).await.unwrap();
    issuer.apply(&Tag::new("by hand"), &first).await.unwrap();
    (Arc::new(issuer), first)
}

/// How many keys the sets in a folder have, each number once.
fn keys_in(folder: &Path) -> Vec<usize> {
    let sets = std::fs::read_dir(folder).unwrap();
    let keys = |set: &Path| -> usize {
        let set: Value = serde_json::from_slice(&std::fs::read(set).unwrap()).unwrap();
        set["keys"].as_array().unwrap().len()
    };
    let paths = sets.map(|entry| entry.unwrap().path());
    let sets = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut counted: Vec<usize> = sets.map(|path| keys(&path)).collect();
    counted.sort_unstable();
    counted.dedup();
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_with_keys_that_sign_tokens() {
    let (folder, capable) = (Arc::new(fast_folder()), fast_folder());
    let sets = Arc::clone(&folder);
    sweep(NativeIssuer {
        name: "jwt-key",
        can: issuer(&capable.path().join("jwks.json")).capabilities(),
        secret: "private_key",
        fences: false,
        forgets: false,
        begin: Arc::new(move |name, _| Box::pin(begun(sets.path().join(name + ".json")))),
    })
    .await;
    assert_eq!(keys_in(folder.path()), [1]);
}
