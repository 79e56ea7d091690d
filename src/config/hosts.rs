//! `hosts`: whom keywheel may call for whom. Whoever edits the inventory must not make the daemon call
//! anything it can reach, so addresses of cloud metadata services are refused whatever the list says.

use super::file::{Problem, Table};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Allowed hosts of each environment: a name, or `*.` and a suffix.
pub type Hosts = BTreeMap<String, Vec<String>>;

/// Addresses at which clouds serve credentials to whoever asks, outside the link-local ranges: Alibaba,
/// Oracle (classic), AWS over IPv6. From the vendors' pages on instance metadata.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The same by name.
const METADATA_NAMES: [&str; 5] = [
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.goog",
    "metadata.google.internal",
];

/// Whether an address is never called: link-local, metadata, unspecified, multicast. The same holds for the
/// address a name resolves to.
pub fn is_denied_address(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    link_local || address.is_unspecified() || address.is_multicast() || METADATA.contains(&address)
}

/// Whether a host is never called, by name or address.
pub fn is_denied_host(host: &str) -> bool {
    match address_of(host) {
        Some(address) => is_denied_address(address),
        None => METADATA_NAMES.contains(&plain(host).as_str()),
    }
}

/// Whether a host is this machine: always allowed, and without TLS.
pub fn is_loopback(host: &str) -> bool {
    match address_of(host) {
        Some(address) => address.to_canonical().is_loopback(),
        None => plain(host) == "localhost",
    }
}

/// Whether one of the patterns covers a host. `*.example.com` covers names below `example.com`, not itself.
pub fn covers(patterns: &[String], host: &str) -> bool {
    let host = plain(host);
    patterns.iter().any(|pattern| {
        let pattern = plain(pattern);
        match pattern.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => host == pattern,
        }
    })
}

pub(super) fn hosts(config: &Table, problems: &mut Vec<Problem>) -> Hosts {
    let mut hosts = Hosts::new();
    for (environment, entry) in config.entries("hosts") {
        for node in entry.node.list().unwrap_or_default() {
            let problem = node.text().and_then(wrong_pattern);
            problems.extend(problem.map(|message| Problem::at(&node.place, message)));
        }
        let patterns = config.table("hosts").map(|table| table.texts(environment));
        hosts.insert(environment.to_owned(), patterns.unwrap_or_default());
    }
    hosts
}

fn wrong_pattern(pattern: &str) -> Option<String> {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let plain_name = address_of(name).is_some()
        || (!name.is_empty() && !name.contains(['*', '/', ':', '@', ' ']));
    if !plain_name {
        return Some(format!(
            "`{pattern}` is not a host: write a name, an address, or `*.` and a suffix"
        ));
    }
    is_denied_host(name)
        .then(|| format!("`{pattern}` is a metadata or link-local host, never called"))
}

fn address_of(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{covers, is_denied_host, is_loopback};

    #[test]
    fn metadata_is_denied_in_every_spelling() {
        for host in [
            "169.254.169.254",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "Metadata.Google.Internal.",
            "0.0.0.0",
        ] {
            assert!(is_denied_host(host), "{host}");
        }
        assert!(!is_denied_host("chat.internal"));
        assert!(is_loopback("[::1]") && is_loopback("localhost") && !is_loopback("10.0.0.1"));
    }

    #[test]
    fn a_star_covers_names_below_and_nothing_else() {
        let patterns = ["*.svc.example.com".to_owned(), "Chat.internal".to_owned()];
        for (host, allowed) in [
            ("gw.svc.example.com", true),
            ("a.b.svc.example.com", true),
            ("chat.internal.", true),
            ("svc.example.com", false),
            ("evilsvc.example.com", false),
            ("chat.internal.example.org", false),
        ] {
            assert_eq!(covers(&patterns, host), allowed, "{host}");
        }
    }
}
