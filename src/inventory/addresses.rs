//! Addresses in the inventory: whoever edits it must not reach more than `hosts` allows.

use super::resolve::Resolver;
use crate::config::file::{Kind, Place, Problem, Table, is_named_like_one};
use crate::config::{Hosts, is_this_machine, never_called};
use std::collections::BTreeMap;
use url::Url;

impl Resolver<'_> {
    /// Whoever edits the inventory decides which credential a provider is spoken to with, and must not decide who gets
    /// to see it: an address is the vendor's own, or one of `hosts`.
    pub(super) fn addresses(&mut self, kind: &Kind, own: &Table) {
        let nodes = kind.addresses.iter().filter_map(|key| own.node(key));
        let mut wrong = nodes
            .filter_map(|node| self.wrong_to_show(node.text()?, kind.vendor_hosts, &node.place));
        let first = wrong.next();
        self.problem(first);
    }

    /// What is wrong with an address that a credential is shown to, if anything.
    pub(super) fn wrong_to_show<S: AsRef<str>>(
        &self,
        text: &str,
        vendor_hosts: &[S],
        at: &Place,
    ) -> Option<Problem> {
        let vendors = Hosts::parse(vendor_hosts).unwrap_or_default();
        let text = with_scheme(text);
        let url = Url::parse(&text).ok();
        let host = url.as_ref().and_then(Url::host);
        let vendors_own = url.as_ref().is_some_and(|url| url.scheme() == "https")
            && host.is_some_and(|host| vendors.allow(&host));
        if vendors_own {
            return None;
        }
        let environment = self.layered.id.environment();
        wrong_address(&text, environment, &self.around.config.hosts, at)
    }
}

/// Systems that are not spoken to over HTTP are named as `host:port`; that TLS is spoken there is their provider's to
/// see to.
fn with_scheme(text: &str) -> String {
    match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    }
}

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
