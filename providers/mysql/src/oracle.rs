//! Accounts of MySQL: read from `mysql.user`, changed by `RETAIN CURRENT PASSWORD` and `DISCARD OLD PASSWORD` (pure).
//!
//! **None of these statements was run against a server**: they are written by the reference manual of MySQL 8.0 and 8.4
//! (`ALTER USER`, "Dual Password Support"), and what `providers/mysql/tests` runs is MariaDB.

use crate::account::{Account, Method, Seen};
use crate::{native, quote, sha2};
use keywheel_contract::{Error, Result};

/// One row: method, hash, retained hash, whether it is locked. In hexadecimal digits, for a salt may be any bytes.
pub(crate) fn question(user: &str, host: &str) -> String {
    format!(
        "SELECT plugin AS Plugin, HEX(authentication_string) AS Current, \
         HEX(JSON_UNQUOTE(JSON_EXTRACT(User_attributes, '$.additional_password'))) AS Retained, \
         account_locked AS Locked FROM mysql.user WHERE User = {} AND Host = {}",
        quote::text(user),
        quote::text(host)
    )
}

/// # Errors
/// `Invalid`: the account has a hash that is not text, which no statement of ours makes.
pub(crate) fn read(
    plugin: &str,
    current: &str,
    retained: Option<&str>,
    locked: &str,
) -> Result<Account> {
    let method = |digits: &str| {
        let bytes = hex::decode(digits).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| {
            Error::invalid("the account's hash has bytes that are no text: give it a new password once by hand")
        })?;
        Ok(Method {
            plugin: plugin.to_owned(),
            text,
        })
    };
    let retained = retained.filter(|digits| !digits.is_empty());
    let methods: Result<Vec<Method>> = [Some(current), retained]
        .into_iter()
        .flatten()
        .map(method)
        .collect();
    Ok(Account {
        methods: methods?,
        locked: locked == "Y",
        seen: Seen::default(),
    })
}

/// Makes this the current password, and the one before it the retained one.
///
/// # Errors
/// `Invalid`: a password is retained already, which nobody but a person may discard.
pub(crate) fn add(
    (user, host): (&str, &str),
    account: &Account,
    new: &Method,
) -> Result<Vec<String>> {
    let name = quote::account(user, host);
    let add = format!("{} RETAIN CURRENT PASSWORD", identified(&name, new));
    match account.methods.as_slice() {
        [_] => Ok(vec![add]),
        // Left by a change that was cut in two.
        [current, retained] if current == retained => Ok(vec![discard(&name), add]),
        _ => Err(Error::invalid(format!(
            "account {user}@{host} retains a second password already, and MySQL has room for two: find out who uses \
             it, then `ALTER USER … DISCARD OLD PASSWORD`"
        ))),
    }
}

/// Leaves the other password alone. Only the retained one can be discarded: the current one changes places first.
pub(crate) fn take_away(
    (user, host): (&str, &str),
    account: &Account,
    old: &Method,
) -> Vec<String> {
    let name = quote::account(user, host);
    match account.methods.as_slice() {
        [current, retained] if current == old => vec![identified(&name, retained), discard(&name)],
        [_, retained] if retained == old => vec![discard(&name)],
        [current] if current == old => vec![identified(&name, &nobody(&current.plugin))],
        _ => Vec::new(),
    }
}

/// Who is logged in as the account.
pub(crate) fn connections(user: &str) -> String {
    format!(
        "SELECT ID AS Id FROM information_schema.PROCESSLIST WHERE USER = {}",
        quote::text(user)
    )
}

fn identified(name: &str, method: &Method) -> String {
    // The method is one of two names of ours; a hash may hold a quote.
    let (plugin, hash) = (&method.plugin, hex::encode_upper(&method.text));
    format!("ALTER USER {name} IDENTIFIED WITH '{plugin}' AS 0x{hash}")
}

fn discard(name: &str) -> String {
    format!("ALTER USER {name} DISCARD OLD PASSWORD")
}

/// What MySQL's own installation gives to accounts that nobody logs in to.
fn nobody(plugin: &str) -> Method {
    let text = match plugin {
        native::PLUGIN => "*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE",
        _ => "$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED",
    };
    Method {
        plugin: plugin.to_owned(),
        text: text.to_owned(),
    }
}

/// Whether hashes of this method are made here.
pub(crate) fn is_known(plugin: &str) -> bool {
    [native::PLUGIN, sha2::PLUGIN].contains(&plugin)
}

#[cfg(test)]
mod tests {
    use super::{add, read, take_away};
    use crate::account::{Account, Method, Seen};

    const APP: (&str, &str) = ("app", "%");

    fn method(text: &str) -> Method {
        Method {
            plugin: "caching_sha2_password".to_owned(),
            text: text.to_owned(),
        }
    }

    fn account(texts: &[&str]) -> Account {
        Account {
            methods: texts.iter().map(|text| method(text)).collect(),
            locked: false,
            seen: Seen::default(),
        }
    }

    #[test]
    fn the_retained_password_is_read_where_there_is_one() {
        let one = read("caching_sha2_password", "2441", None, "N").unwrap();
        assert_eq!(
            (one.methods.as_slice(), one.locked),
            (&[method("$A")][..], false)
        );
        let two = read("caching_sha2_password", "2441", Some("2442"), "Y").unwrap();
        assert_eq!(two.methods, [method("$A"), method("$B")]);
        assert!(two.locked);
        assert!(read("caching_sha2_password", "FF", None, "N").is_err());
    }

    #[test]
    fn a_password_is_added_beside_one_and_never_beside_two() {
        let made = add(APP, &account(&["$A"]), &method("$B")).unwrap();
        assert_eq!(
            made,
            [
                "ALTER USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2442 RETAIN CURRENT PASSWORD"
            ]
        );
        let error = add(APP, &account(&["$A", "$B"]), &method("$C")).unwrap_err();
        assert!(error.message.contains("room for two"), "{error}");
        let cut = add(APP, &account(&["$A", "$A"]), &method("$C")).unwrap();
        assert_eq!(cut[0], "ALTER USER `app`@`%` DISCARD OLD PASSWORD");
        assert_eq!(cut.len(), 2);
    }

    #[test]
    fn whichever_is_taken_away_the_other_stays() {
        let both = account(&["$A", "$B"]);
        let discard = "ALTER USER `app`@`%` DISCARD OLD PASSWORD";
        assert_eq!(take_away(APP, &both, &method("$B")), [discard]);
        assert_eq!(
            take_away(APP, &both, &method("$A")),
            [
                "ALTER USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2442",
                discard
            ]
        );
        let last = take_away(APP, &account(&["$A"]), &method("$A"));
        assert!(
            last[0].contains(&hex::encode_upper("MUSTNEVERBRBEUSED")),
            "{last:?}"
        );
        assert!(take_away(APP, &both, &method("$C")).is_empty());
    }
}
