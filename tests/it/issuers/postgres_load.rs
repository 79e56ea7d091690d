//! Roles of PostgreSQL in turn, under load.

use super::load::{Door, Guarded, Held, Load};
use async_trait::async_trait;
use keywheel_test_servers::postgres::Postgres;
use std::sync::Arc;
use std::time::Duration;

/// Every login is a process of `psql`, a client that shares no line with ours.
#[async_trait]
impl Door for Postgres {
    async fn log_in(&self, held: &Held) -> Result<(), String> {
        let (user, password) = (&held["DB_USER"], &held["DB_PASSWORD"]);
        self.psql(user, password).await
    }
}

fn issuer(server: &Postgres, name: &str) -> String {
    format!(
        "issuer = {{ kind = \"postgres\", address = \"{}\", roles = [\"{name}_a\", \"{name}_b\"], \
         admin = {{ user = \"{name}_rotator\", password = {{ file = \"{name}-rotator\" }} }} }}",
        server.address()
    )
}

const FIELDS: &[(&str, &str)] = &[("DB_USER", "{user}"), ("DB_PASSWORD", "{password}")];
const SECRETS: usize = 4;
const ROUNDS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_rotations_cost_no_client_a_login() {
    let Some(server) = Postgres::installed() else {
        return;
    };
    let (mut secrets, mut files) = (Vec::new(), Vec::new());
    for name in ["one", "two", "three", "four"] {
        let old = format!("example-before-keywheel-{name}");
        let rotator = server.roles(name, &old).await;
        files.push((format!("{name}-rotator"), rotator));
        let old = [("DB_USER", format!("{name}_a")), ("DB_PASSWORD", old)];
        secrets.push(Guarded {
            name: name.to_owned(),
            issuer: issuer(&server, name),
            old: old.map(|(key, value)| (key.to_owned(), value)).into(),
        });
    }
    let load = Load {
        title: "PostgreSQL 15, two roles in turn",
        fields: FIELDS,
        proof: "DB_PASSWORD",
        secrets,
        rounds: ROUNDS,
        clients: 1,
        pause: Duration::from_millis(250),
        door: Arc::new(server),
        refusals: &["password authentication failed", "not permitted to log in"],
        config: String::new(),
        files,
    };
    load.run().await.misses_nothing(SECRETS * ROUNDS, SECRETS);
}
