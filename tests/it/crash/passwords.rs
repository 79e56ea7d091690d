//! The same sweep with the passwords of accounts on a real Redis and a real MariaDB, two at once.

use super::issuers::sweep;
use super::world::native::NativeIssuer;
use keywheel_contract::{Credential, Fields, FingerprintKey, Issuer, SecretValue};
use keywheel_provider_mysql::MysqlIssuer;
use keywheel_provider_redis::RedisIssuer;
use keywheel_test_servers::mariadb::MariaDb;
use keywheel_test_servers::redis::{Keeps, Redis};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

const ADMIN: &str = "example-rotator";

/// Makes an account of this name with this password, and says who issues its passwords.
type Open = Arc<dyn Fn(&str, &str) -> Arc<dyn Issuer> + Send + Sync>;

fn native(name: &'static str, open: Open) -> NativeIssuer {
    let can = open("capable", "example-before-keywheel").capabilities();
    NativeIssuer {
        name,
        can,
        secret: "password",
        // A password carries no mark.
        fences: false,
        forgets: true,
        begin: Arc::new(move |name, value| {
            let open = Arc::clone(&open);
            Box::pin(async move { begun(open(&name, &value), &name, &value).await })
        }),
    }
}

async fn begun(issuer: Arc<dyn Issuer>, name: &str, value: &str) -> (Arc<dyn Issuer>, Credential) {
    let mut fields = Fields::new();
    fields.insert("user", SecretValue::from(name.to_owned()));
    fields.insert("password", SecretValue::from(value.to_owned()));
    let id = issuer.identify(&fields).await.unwrap().unwrap();
    (issuer, Credential { id, fields })
}

/// Settings of the issuer of one account.
fn settings<T: DeserializeOwned>(address: SocketAddr, user: &str, folder: &Path) -> T {
    let password = json!({ "file": folder.join("admin") });
    let admin = json!({ "user": "rotator", "password": password });
    let settings = json!({ "address": address.to_string(), "user": user, "admin": admin });
    serde_json::from_value(settings).unwrap()
}

fn key() -> Arc<FingerprintKey> {
    Arc::new(FingerprintKey::new(&SecretValue::new(vec![7; 32])))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("admin"), ADMIN).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_with_users_of_redis() {
    let Some(server) = Redis::start(Keeps::AclFile).await else {
        return;
    };
    let rights = include_str!("../../../providers/redis/rights.acl");
    let mut rotator = vec!["ACL", "SETUSER", "rotator", "on", ">example-rotator"];
    rotator.extend(rights.split_whitespace());
    server.root(&rotator);
    let folder = folder();
    let open: Open = Arc::new(move |name, password| {
        server.root(&[
            "ACL",
            "SETUSER",
            name,
            "on",
            &format!(">{password}"),
            "+ping",
        ]);
        let options = settings(server.address(), name, folder.path());
        Arc::new(RedisIssuer::new(options, folder.path(), key()).unwrap())
    });
    sweep(native("redis", open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_with_accounts_of_mariadb() {
    let Some(server) = MariaDb::start() else {
        return;
    };
    let rights = include_str!("../../../providers/mysql/rights.sql");
    server.root(&format!("CREATE USER rotator@'%' IDENTIFIED BY '{ADMIN}'"));
    server.root(&rights.replace("keywheel@", "rotator@"));
    let folder = folder();
    let open: Open = Arc::new(move |name, password| {
        server.root(&format!(
            "CREATE USER {name}@'%' IDENTIFIED BY '{password}'"
        ));
        let options = settings(server.address(), name, folder.path());
        Arc::new(MysqlIssuer::new(options, folder.path(), key()).unwrap())
    });
    sweep(native("mariadb", open)).await;
}
