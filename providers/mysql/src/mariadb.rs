//! Accounts of MariaDB: read from `mysql.global_priv`, changed by one compound statement (pure).

use crate::account::{Account, Method, Seen};
use crate::link::CHANGED;
use crate::quote;
use keywheel_contract::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One row: the account as JSON, what it is compared by, and when it was read.
pub(crate) fn question(user: &str, host: &str) -> String {
    format!(
        "SELECT Priv, {DIGEST} AS Digest, UNIX_TIMESTAMP() AS At FROM mysql.global_priv WHERE {}",
        which(user, host)
    )
}

/// A change of any part of the account is one.
const DIGEST: &str = "SHA2(Priv, 256)";

/// How long after it was read an account may be changed, seconds: longer than a client waits for its answer. A lock and its
/// end leave an account as it was before, so that the comparison alone would let a lock that was under way for long in.
const FRESH: u64 = 15;

fn which(user: &str, host: &str) -> String {
    // Compared byte by byte: a literal has no collation of its own.
    format!(
        "User = {} AND Host = {}",
        quote::text(user),
        quote::text(host)
    )
}

/// The column `Priv`, as far as it matters (`sql/sql_acl.cc`, `User_table_json`).
#[derive(Deserialize)]
struct Priv {
    #[serde(flatten)]
    first: Way,
    #[serde(default)]
    account_locked: bool,
    /// All methods in their order; the empty one stands for `first`.
    #[serde(default)]
    auth_or: Vec<Way>,
}

#[derive(Deserialize, Clone, Default)]
struct Way {
    plugin: Option<String>,
    authentication_string: Option<String>,
}

impl Way {
    fn method(&self) -> Method {
        Method {
            plugin: self.plugin.clone().unwrap_or_default(),
            text: self.authentication_string.clone().unwrap_or_default(),
        }
    }
}

/// # Errors
/// `Unavailable`: this is not such a column.
pub(crate) fn read(column: &str, seen: Seen) -> Result<Account> {
    let read: Priv = serde_json::from_str(column).map_err(|_| not_as_written())?;
    let ways = match read.auth_or.is_empty() {
        true => vec![Way::default()],
        false => read.auth_or,
    };
    let method = |way: &Way| match way.plugin {
        Some(_) => way.method(),
        None => read.first.method(),
    };
    Ok(Account {
        methods: ways.iter().map(method).collect(),
        locked: read.account_locked,
        seen,
    })
}

/// What an account has beside methods and grants, such as limits and TLS that is required; what is not set is left out.
///
/// # Errors
/// `Unavailable`: this is not such a column.
pub(crate) fn settings(column: &str) -> Result<BTreeMap<String, String>> {
    let read: BTreeMap<String, Value> =
        serde_json::from_str(column).map_err(|_| not_as_written())?;
    let is_set = |value: &Value| match value {
        Value::Null => false,
        Value::Bool(set) => *set,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    };
    let told = read
        .into_iter()
        .filter(|(name, value)| !OWN.contains(&name.as_str()) && is_set(value));
    Ok(told
        .map(|(name, value)| (name, value.to_string()))
        .collect())
}

/// What each account has of its own; `access` are its grants.
const OWN: [&str; 7] = [
    "access",
    "account_locked",
    "auth_or",
    "authentication_string",
    "password_last_changed",
    "plugin",
    "version_id",
];

fn not_as_written() -> Error {
    Error::unavailable("`mysql.global_priv` is not as MariaDB writes it")
}

/// The methods with this one more.
pub(crate) fn with(account: &Account, new: Method) -> Vec<Method> {
    let others = account
        .methods
        .iter()
        .filter(|method| **method != Method::nobody());
    others.cloned().chain([new]).collect()
}

/// The methods without this one; an account without any lets nobody in.
pub(crate) fn without(account: &Account, old: &Method) -> Vec<Method> {
    let others = account.methods.iter().filter(|method| *method != old);
    let mut left: Vec<Method> = others.cloned().collect();
    if left.is_empty() {
        left.push(Method::nobody());
    }
    left
}

/// Does this to an account, if it is still as it was seen not long ago: all or nothing of it is done when the answer is
/// lost, and nothing when it arrives after another change or late.
pub(crate) fn if_as_seen((user, host): (&str, &str), seen: &Seen, body: &[String]) -> String {
    let now = format!(
        "(SELECT {DIGEST} FROM mysql.global_priv WHERE {})",
        which(user, host)
    );
    format!(
        "BEGIN NOT ATOMIC IF {now} = {} AND UNIX_TIMESTAMP() < {} THEN {}; \
         ELSE SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {CHANGED}; END IF; END",
        quote::text(&seen.digest),
        seen.at.saturating_add(FRESH),
        body.join("; ")
    )
}

/// Gives an account these methods.
///
/// # Errors
/// `Invalid`: another method of the account cannot be written down again.
pub(crate) fn altered((user, host): (&str, &str), methods: &[Method]) -> Result<String> {
    let account = quote::account(user, host);
    let ways: Result<Vec<String>> = methods.iter().map(way).collect();
    let ways = ways?.join(" OR ");
    Ok(format!("ALTER USER {account} IDENTIFIED VIA {ways}"))
}

/// Closes all connections of a user.
pub(crate) fn closing(user: &str) -> String {
    // A host part is compared with the address or name of each client, letter by letter: a pattern fits none.
    format!("KILL HARD CONNECTION USER {}", quote::account(user, "%"))
}

fn way(method: &Method) -> Result<String> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let unknown = || {
        Error::invalid(format!(
            "the account also has the method `{}`, which cannot be written down again: take it away by hand",
            method.plugin
        ))
    };
    if method.plugin.is_empty() || !plain(&method.plugin) {
        return Err(unknown());
    }
    match method.text.as_str() {
        "" => Ok(method.plugin.clone()),
        text => {
            let text = quote::plain(text).ok_or_else(unknown)?;
            Ok(format!("{} USING {text}", method.plugin))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{altered, closing, if_as_seen, read, settings, with, without};
    use crate::account::{Method, Seen};

    /// As MariaDB 10.11.19 writes them.
    const ONE: &str = r#"{"access":0,"version_id":101119,"plugin":"mysql_native_password","authentication_string":"*AA","password_last_changed":1795340031}"#;
    const TWO: &str = r#"{"access":0,"plugin":"mysql_native_password","authentication_string":"*AA","auth_or":[{"plugin":"unix_socket"},{},{"plugin":"mysql_native_password","authentication_string":"*BB"}]}"#;
    const LOCKED: &str = r#"{"plugin":"mysql_native_password","authentication_string":"*AA","account_locked":true,"auth_or":[{}]}"#;

    #[test]
    fn every_method_is_read_in_its_order() {
        let one = read(ONE, Seen::default()).unwrap();
        assert_eq!(one.methods, [Method::native("*AA")]);
        let two = read(TWO, Seen::default()).unwrap();
        let plugins: Vec<_> = two.methods.iter().map(|m| m.plugin.as_str()).collect();
        assert_eq!(
            plugins,
            [
                "unix_socket",
                "mysql_native_password",
                "mysql_native_password"
            ]
        );
        assert_eq!(two.methods[2], Method::native("*BB"));
        assert!(!two.locked && read(LOCKED, Seen::default()).unwrap().locked);
        assert!(read("[]", Seen::default()).is_err());
    }

    #[test]
    fn what_is_not_set_is_no_setting() {
        let limited = ONE.replace(
            "}",
            r#","max_user_connections":30,"ssl_type":0,"max_statement_time":0.5,"default_role":""}"#,
        );
        let told: Vec<_> = settings(&limited).unwrap().into_iter().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            told,
            [
                pair("max_statement_time", "0.5"),
                pair("max_user_connections", "30")
            ]
        );
        assert!(settings("[]").is_err());
    }

    #[test]
    fn others_are_kept_and_nobody_gets_in_by_none() {
        let two = read(TWO, Seen::default()).unwrap();
        let three = with(&two, Method::native("*CC"));
        assert_eq!(three.len(), 4);
        assert_eq!(without(&two, &Method::native("*BB")).len(), 2);
        let mut one = read(ONE, Seen::default()).unwrap();
        one.methods = without(&one, &Method::native("*AA"));
        assert_eq!(one.methods, [Method::nobody()]);
        assert_eq!(with(&one, Method::native("*CC")), [Method::native("*CC")]);
    }

    #[test]
    fn a_change_is_one_statement_that_compares() {
        let methods = [Method::native("*AA"), Method::native("*BB")];
        let body = [altered(("app", "%"), &methods).unwrap(), closing("app")];
        let seen = Seen {
            digest: "abc".to_owned(),
            at: 1_000,
        };
        let made = if_as_seen(("app", "%"), &seen, &body);
        assert_eq!(
            made,
            "BEGIN NOT ATOMIC IF (SELECT SHA2(Priv, 256) FROM mysql.global_priv WHERE User = X'617070' AND \
             Host = X'25') = X'616263' AND UNIX_TIMESTAMP() < 1015 THEN ALTER USER `app`@`%` IDENTIFIED VIA mysql_native_password USING '*AA' OR \
             mysql_native_password USING '*BB'; KILL HARD CONNECTION USER `app`@`%`; ELSE SIGNAL SQLSTATE '45000' SET \
             MYSQL_ERRNO = 31000; END IF; END"
        );
        let patterned = altered(("app", "10.%"), &methods).unwrap();
        assert!(patterned.starts_with("ALTER USER `app`@`10.%` "));
        let odd = Method {
            plugin: "pam".to_owned(),
            text: "it's".to_owned(),
        };
        let error = altered(("app", "%"), &[odd]).unwrap_err();
        assert!(error.message.contains("`pam`"), "{error}");
    }
}
