//! The same sweep with issuers of providers on real servers: exactly one credential lives at the end, and where the
//! issuer can tell, no statement of a try that was given up changes anything when it arrives late.

use super::sweep;
use super::world::native::NativeIssuer;
use crate::project::show;
use keywheel_contract::{Credential, CredentialId, Fields, Issuer, SecretValue};
use keywheel_provider_postgres::{PostgresIssuer, PostgresOptions};
use keywheel_test_servers::postgres::Postgres;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub(super) async fn sweep(native: NativeIssuer) {
    let started = std::time::Instant::now();
    let table = sweep::of_issuer(&native).await;
    let seconds = started.elapsed().as_secs();
    let name = native.name;
    println!("{name}, {seconds} s\n{table}");
    show(format!(
        "crash sweep with {name}: {}, {seconds} s",
        table.counts()
    ));
    assert_eq!(table.violations, Vec::<String>::new());
}

/// Roles of one run's own.
async fn roles(
    (server, folder): &(Postgres, TempDir),
    name: &str,
    value: &str,
) -> (Arc<dyn Issuer>, Credential) {
    let file = folder.path().join(name);
    std::fs::write(&file, server.roles(name, value).await).unwrap();
    let options = json!({
        "address": server.address(),
        "roles": [format!("{name}_a"), format!("{name}_b")],
        "admin": { "user": format!("{name}_rotator"), "password": { "file": file } },
    });
    let options: PostgresOptions = serde_json::from_value(options).unwrap();
    let mut fields = Fields::new();
    fields.insert("user", SecretValue::from(format!("{name}_a")));
    fields.insert("password", SecretValue::from(value.to_owned()));
    let first = Credential {
        id: CredentialId::new(format!("{name}_a/0")),
        fields,
    };
    let issuer = PostgresIssuer::new(options, Path::new("/nonexistent")).unwrap();
    (Arc::new(issuer), first)
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_with_roles_of_postgresql() {
    let Some(server) = Postgres::installed() else {
        return;
    };
    let server = Arc::new((server, tempfile::tempdir().unwrap()));
    let (issuer, _) = roles(&server, "capable", "example-before-keywheel").await;
    let native = NativeIssuer {
        name: "postgres",
        can: issuer.capabilities(),
        secret: "password",
        fences: true,
        forgets: false,
        begin: Arc::new(move |name, value| {
            let server = Arc::clone(&server);
            Box::pin(async move { roles(&server, &name, &value).await })
        }),
    };
    sweep(native).await;
}
