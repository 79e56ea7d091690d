//! Secrets that are roles of PostgreSQL, as many as a cell wants: the server, the roles, an issuer for each.

use super::definitions::{definition, name};
use super::ground::Ground;
use super::outside::Instant as InstantOutside;
use super::rotations::request;
use anyhow::Result;
use keywheel::inventory::{Definition, IssuerSpec, Manage};
use keywheel::journal::requests::{self, Request};
use keywheel::journal::{Journal, Tx, secrets};
use keywheel_contract::{Fields, Issuer, SecretValue};
use keywheel_provider_postgres::{PostgresIssuer, PostgresOptions};
use keywheel_test_servers::postgres::Postgres;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// With which a role logs in before anything is rotated.
pub(crate) const OLD: &str = "example-before-keywheel";
/// What the roles that keywheel changes begin with.
pub(crate) const OURS: &str = "ours";
/// Who changes roles, and the file with its password.
pub(crate) const ADMIN: &str = "bench_rotator";
pub(crate) const ADMIN_FILE: &str = "rotator";

/// As it comes out of the box, but for the log; `None` where PostgreSQL is not installed.
pub(crate) fn server() -> Option<Postgres> {
    let quiet = [
        "log_statement=none",
        "log_connections=off",
        "log_min_messages=warning",
    ];
    Postgres::with(Path::new(""), &quiet, None)
}

/// Makes who changes roles, and gives the password back. It lies in the folder too.
pub(crate) async fn admin(server: &Postgres, folder: &Path) -> Result<String> {
    let password = server.roles("bench", OLD).await;
    std::fs::write(folder.join(ADMIN_FILE), &password)?;
    Ok(password)
}

/// What a role that is in use has.
pub(crate) fn in_use() -> String {
    format!("LOGIN PASSWORD '{OLD}'")
}

/// Makes the roles `PREFIX_0SUFFIX` and so on, with these attributes.
pub(crate) async fn create(
    server: &Postgres,
    prefix: &str,
    suffix: &str,
    count: usize,
    attributes: &str,
) -> Result<()> {
    let sql = format!(
        "DO $$ BEGIN FOR i IN 0..{count} - 1 LOOP \
         EXECUTE format('CREATE ROLE %I {how}', '{prefix}_' || i || '{suffix}'); END LOOP; END $$",
        how = attributes.replace('\'', "''")
    );
    let mut session = server.superuser().await;
    session.execute(AssertSqlSafe(sql)).await?;
    Ok(session.close().await?)
}

/// Makes pairs of roles of which the first is in use.
pub(crate) async fn create_pairs(server: &Postgres, prefix: &str, count: usize) -> Result<()> {
    create(server, prefix, "_a", count, &in_use()).await?;
    create(server, prefix, "_b", count, "NOLOGIN").await
}

/// One secret.
pub(crate) struct Member {
    pub(crate) definition: Definition,
    pub(crate) issuer: Arc<dyn Issuer>,
    /// The role in use.
    pub(crate) user: String,
}

/// Two roles that take turns, of the server at this address.
pub(crate) fn pair(ground: &Ground, address: &str, number: usize) -> Result<Member> {
    let roles = ["a", "b"].map(|turn| format!("{OURS}_{number}_{turn}"));
    let issuer = issuer(ground, address, "roles", json!(roles))?;
    let [user, _] = roles;
    let mut definition = published(ground, number)?;
    // As in the inventory: its address tells one database from another.
    definition.issuer = IssuerSpec {
        name: "postgres".to_owned(),
        kind: "postgres".to_owned(),
        options: serde_json::from_value(json!({ "address": address }))?,
        standby: 0,
    };
    Ok(Member {
        definition,
        issuer: Arc::new(issuer),
        user,
    })
}

/// The issuer of `roles`, or of one `role`.
pub(crate) fn issuer(
    ground: &Ground,
    address: &str,
    key: &str,
    roles: Value,
) -> Result<PostgresIssuer> {
    let mut options = json!({
        "address": address,
        "admin": { "user": ADMIN, "password": { "file": ADMIN_FILE } },
    });
    options[key] = roles;
    let options: PostgresOptions = serde_json::from_value(options)?;
    let issuer = PostgresIssuer::new(options, ground.folder());
    issuer.map_err(|error| anyhow::anyhow!("{error}"))
}

/// A secret that is published with user and password.
pub(crate) fn published(ground: &Ground, number: usize) -> Result<Definition> {
    let mut made = definition(number, ground.store(), Manage::Approve)?;
    for destination in &mut made.destinations {
        let fields = [("PASSWORD", "{password}"), ("USER", "{user}")];
        destination.fields = fields
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
        destination.proof_field = Some("PASSWORD".to_owned());
    }
    Ok(made)
}

/// Publishes below `root` what each logs in with today, and writes all of them into the journal.
pub(crate) async fn seed(
    ground: &Ground,
    root: &Path,
    members: Vec<Member>,
) -> Result<Arc<InstantOutside>> {
    let mut outside = InstantOutside::new(root)?;
    let (mut issuers, mut definitions) = (HashMap::new(), Vec::new());
    for member in members {
        let mut fields = Fields::new();
        fields.insert("PASSWORD", SecretValue::from(OLD.to_owned()));
        fields.insert("USER", SecretValue::from(member.user));
        let published = outside.publish(&member.definition, fields).await;
        published.map_err(|error| anyhow::anyhow!("{error}"))?;
        issuers.insert(member.definition.id.to_string(), member.issuer);
        definitions.push(member.definition);
    }
    outside.issued_by(issuers);
    let journal = &ground.journal;
    journal
        .write(async move |tx: &mut Tx| secrets::apply(tx, &definitions).await)
        .await?;
    Ok(Arc::new(outside))
}

/// Asks for a rotation of each of these, in this order, and says when that was, epoch milliseconds.
pub(crate) async fn ask(
    journal: &Journal,
    numbers: impl IntoIterator<Item = usize>,
) -> Result<i64> {
    let since_ms = journal.clock().now_ms();
    let id = |number: usize| format!("production/{}", name(number));
    let wishes: Vec<Request> = numbers.into_iter().map(|n| request(&id(n))).collect();
    journal
        .write(async move |tx: &mut Tx| {
            for wish in &wishes {
                requests::add(tx, wish).await?;
            }
            Ok(())
        })
        .await?;
    Ok(since_ms)
}
