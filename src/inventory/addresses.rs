//! Addresses of notify and verify: whoever edits the inventory must not reach more than `hosts` allows.

use crate::config::file::{Place, Problem, is_named_like_one};
use crate::config::{Hosts, is_this_machine, never_called};
use std::collections::BTreeMap;
use url::Url;

/// What is wrong with an address, if anything. The address itself is never repeated: it may hold a token.
pub(super) fn wrong_address(
    text: &str,
    environment: &str,
    hosts: &BTreeMap<String, Hosts>,
    at: &Place,
) -> Option<Problem> {
    let (message, help) = match Url::parse(text) {
        Err(_) => fault(
            "not an absolute address",
            Some("write it as https://host/path"),
        ),
        Ok(url) => wrong_login(&url).or_else(|| wrong_host(&url, environment, hosts))?,
    };
    Some(Problem::at(at, message).maybe_help(help))
}

/// A message and what to do.
type Fault = (String, Option<String>);

fn fault(message: &str, help: Option<&str>) -> Fault {
    (message.to_owned(), help.map(str::to_owned))
}

fn wrong_login(url: &Url) -> Option<Fault> {
    let help = "use `bearer = { env = \"NAME\" }` or `bearer = { file = \"path\" }`";
    let has_login = !url.username().is_empty() || url.password().is_some();
    let in_query = url.query_pairs().any(|(key, _)| is_named_like_one(&key));
    (has_login || in_query).then(|| fault("an address with a credential in it", Some(help)))
}

fn wrong_host(url: &Url, environment: &str, hosts: &BTreeMap<String, Hosts>) -> Option<Fault> {
    let Some(host) = url.host().filter(|_| url.scheme().starts_with("http")) else {
        return Some(fault("not an http or https address", None));
    };
    if never_called(&host).is_some() {
        return Some((
            format!("`{host}` is a metadata or link-local host, never called"),
            None,
        ));
    }
    if is_this_machine(&host) {
        return None;
    }
    if url.scheme() != "https" {
        return Some((
            format!("`{host}` is not this machine, so its address needs https"),
            None,
        ));
    }
    let allowed = hosts
        .get(environment)
        .is_some_and(|allowed| allowed.allow(&host));
    (!allowed).then(|| {
        let help = format!("add it to `hosts.{environment}` in keywheel.toml");
        (
            format!("host `{host}` is not allowed for `{environment}`"),
            Some(help),
        )
    })
}
