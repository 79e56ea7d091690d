//! The same sweep with the passwords of accounts on a real Redis and a real MariaDB, two at once; and there with two
//! accounts in turn.

use super::issuers::sweep;
use super::world::native::NativeIssuer;
use keywheel_contract::{Credential, Fields, FingerprintKey, Issuer, SecretValue};
use keywheel_provider_mysql::{AlternatingIssuer, MysqlIssuer};
use keywheel_provider_redis::RedisIssuer;
use keywheel_test_servers::mariadb::MariaDb;
use keywheel_test_servers::redis::{Keeps, Redis};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

const ADMIN: &str = "example-rotator";

/// Makes an account of this name with this password, and says who issues its passwords.
type Open = Arc<dyn Fn(&str, &str) -> Arc<dyn Issuer> + Send + Sync>;

/// `first` is what the user is called beside the name of the account.
fn native(name: &'static str, first: &'static str, open: Open) -> NativeIssuer {
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
            let user = format!("{name}{first}");
            Box::pin(async move { begun(open(&name, &value), &user, &value).await })
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

/// Settings of the issuer of one account, or of several.
fn settings<T: DeserializeOwned>(
    address: SocketAddr,
    key: &str,
    users: &Value,
    folder: &Path,
) -> T {
    let password = json!({ "file": folder.join("admin") });
    let admin = json!({ "user": "rotator", "password": password });
    let settings = json!({ "address": address.to_string(), key: users, "admin": admin });
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
        let options = settings(server.address(), "user", &json!(name), folder.path());
        Arc::new(RedisIssuer::new(options, folder.path(), key()).unwrap())
    });
    sweep(native("redis", "", open)).await;
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
        let options = settings(server.address(), "user", &json!(name), folder.path());
        Arc::new(MysqlIssuer::new(options, folder.path(), key()).unwrap())
    });
    sweep(native("mariadb", "", open)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_with_two_accounts_of_mariadb_in_turn() {
    let Some(server) = MariaDb::start() else {
        return;
    };
    let setup = include_str!("../../../providers/mysql/turns.sql").replace("keywheel@", "rotator@");
    server.root(&format!("CREATE USER rotator@'%' IDENTIFIED BY '{ADMIN}'"));
    let folder = folder();
    let open: Open = Arc::new(move |name, password| {
        let setup = setup.replace("shop_", &format!("{name}_"));
        server.root(&format!(
            "CREATE USER {name}_a@'%' IDENTIFIED BY '{password}'; {setup}"
        ));
        let users = json!([format!("{name}_a"), format!("{name}_b")]);
        let options = settings(server.address(), "users", &users, folder.path());
        Arc::new(AlternatingIssuer::new(&options, folder.path()).unwrap())
    });
    let mut native = native("mariadb, two in turn", "_a", open);
    native.fences = true;
    native.forgets = false;
    sweep(native).await;
}
