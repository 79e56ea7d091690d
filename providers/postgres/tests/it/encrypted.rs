//! TLS: asked for with an authority of one's own, and a server that another vouches for is not spoken to.

use crate::rig::OLD;
use keywheel_contract::{CredentialId, ErrorKind, Issuer as _};
use keywheel_provider_postgres::{PostgresIssuer, PostgresOptions};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::postgres::Postgres;

#[tokio::test]
async fn the_server_shows_who_it_is_and_nothing_goes_in_the_clear() {
    let (ours, others) = (Authority::make(), Authority::make());
    let Some(server) = Postgres::encrypted(&ours) else {
        return;
    };
    let password = server.roles("tls", OLD).await;
    // Nobody gets in without.
    server
        .let_in("hostnossl all tls_rotator,tls_a,tls_b 127.0.0.1/32 reject")
        .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("admin"), password).unwrap();
    let at = |host: &str, authority: &Authority| {
        let text = format!(
            "address = '{host}:{}'\nca_file = '{}'\nroles = ['tls_a', 'tls_b']\n\
             admin = {{ user = 'tls_rotator', password = {{ file = 'admin' }} }}",
            server.port,
            authority.ca_file().display()
        );
        let options: PostgresOptions = toml::from_str(&text).unwrap();
        PostgresIssuer::new(options, folder.path()).unwrap()
    };
    let old = CredentialId::new("tls_a/0");
    for host in ["127.0.0.1", "localhost"] {
        assert!(at(host, &ours).propose(Some(&old)).await.is_ok(), "{host}");
    }
    let refused = at("127.0.0.1", &others)
        .propose(Some(&old))
        .await
        .err()
        .unwrap();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(refused.message.contains("ca_file"), "{refused}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_where_it_is_asked_for() {
    let Some(server) = Postgres::installed() else {
        return;
    };
    let password = server.roles("plain", OLD).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("admin"), password).unwrap();
    let with = |more: &str| {
        let text = format!(
            "address = '{}'\nroles = ['plain_a', 'plain_b']\n\
             admin = {{ user = 'plain_rotator', password = {{ file = 'admin' }} }}\n{more}",
            server.address()
        );
        let options: PostgresOptions = toml::from_str(&text).unwrap();
        PostgresIssuer::new(options, folder.path()).unwrap()
    };
    let let_in = || {
        let log = server.log();
        log.contains("connection authorized: user=plain_rotator ")
    };
    let old = CredentialId::new("plain_a/0");
    let asked = format!("ca_file = '{}'", Authority::make().ca_file().display());
    let refused = with(&asked).propose(Some(&old)).await.err().unwrap();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(refused.message.contains("TLS"), "{refused}");
    assert!(!let_in());
    // With nothing but that changed it is spoken to.
    assert!(with("").propose(Some(&old)).await.is_ok());
    assert!(let_in());
}
