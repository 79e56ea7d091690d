//! `hosts`: whom keywheel may call for whom. Whoever edits the inventory must not make the daemon call
//! anything it can reach, so metadata services are refused whatever the list says.

use super::addresses;
use super::file::{Problem, Table};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use url::Host;

/// An allow-list: exact names and addresses, and `*.suffix` for every name below a suffix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exact(Host<String>),
    /// With its leading dot, so that `*.example.com` does not fit `badexample.com`.
    Below(String),
}

impl Hosts {
    /// Reads patterns.
    ///
    /// # Errors
    /// One is no host name, address or `*.suffix`.
    pub fn parse<P: AsRef<str>>(patterns: &[P]) -> Result<Self, String> {
        let parsed: Result<_, _> = patterns.iter().map(|p| pattern(p.as_ref())).collect();
        parsed.map(Self)
    }

    /// The same and this machine, which may always be called.
    #[must_use]
    pub fn and_this_machine(mut self) -> Self {
        let names = [Host::Domain("localhost".to_owned())];
        let addresses = [
            Host::Ipv4(Ipv4Addr::LOCALHOST),
            Host::Ipv6(Ipv6Addr::LOCALHOST),
        ];
        let own = names.into_iter().chain(addresses);
        self.0.extend(own.map(Pattern::Exact));
        self
    }

    /// Whether some pattern fits the host. A suffix fits names only, never an address.
    pub fn allow(&self, host: &Host<&str>) -> bool {
        self.0.iter().any(|pattern| match (pattern, host) {
            (Pattern::Exact(allowed), host) => *allowed == canonical(host),
            (Pattern::Below(suffix), Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (Pattern::Below(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
        })
    }
}

/// Why a host is never called, or `None` where it may be.
pub(crate) fn never_called(host: &Host<&str>) -> Option<&'static str> {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            addresses::is_metadata_name(&name).then_some("a metadata service")
        }
        Host::Ipv4(address) => addresses::refusal((*address).into()),
        Host::Ipv6(address) => addresses::refusal((*address).into()),
    }
}

/// Whether a host is this machine: always allowed, and without TLS.
pub(crate) fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => addresses::is_loopback((*address).into()),
        Host::Ipv6(address) => addresses::is_loopback((*address).into()),
    }
}

/// The list of each environment.
pub(super) fn hosts(config: &Table, problems: &mut Vec<Problem>) -> BTreeMap<String, Hosts> {
    let mut hosts = BTreeMap::new();
    for (environment, entry) in config.entries("hosts") {
        let mut allowed = Hosts::default();
        for node in entry.node.list().unwrap_or_default() {
            let read = |text| pattern(text).and_then(|pattern| callable(text, pattern));
            match node.text().map(read) {
                Some(Ok(pattern)) => allowed.0.push(pattern),
                Some(Err(message)) => problems.push(Problem::at(&node.place, message)),
                None => {}
            }
        }
        hosts.insert(environment.to_owned(), allowed);
    }
    hosts
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let read = match text.strip_prefix("*.") {
        Some(suffix) => domain(suffix).map(|name| Pattern::Below(format!(".{name}"))),
        None => exact(text).map(Pattern::Exact),
    };
    read.ok_or_else(|| {
        format!("`{text}` is not a host: write a name, an address, or `*.` and a suffix")
    })
}

/// The pattern, unless it would allow what is never called. Each call is checked again.
fn callable(text: &str, pattern: Pattern) -> Result<Pattern, String> {
    let denied = match &pattern {
        Pattern::Exact(host) => never_called(&borrowed(host)),
        Pattern::Below(suffix) => never_called(&Host::Domain(suffix.trim_start_matches('.'))),
    };
    match denied {
        Some(_) => Err(format!(
            "`{text}` is a metadata or link-local host, never called"
        )),
        None => Ok(pattern),
    }
}

fn borrowed(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

fn exact(text: &str) -> Option<Host<String>> {
    if let Ok(address) = text.parse() {
        return Some(Host::Ipv6(address));
    }
    let host = Host::parse(text).ok()?;
    if let Host::Domain(name) = &host {
        return domain(name).map(Host::Domain);
    }
    Some(host)
}

fn domain(text: &str) -> Option<String> {
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let usable = !name.is_empty() && !name.starts_with('.') && name.chars().all(plain);
            usable.then(|| name.to_owned())
        }
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

fn canonical(host: &Host<&str>) -> Host<String> {
    match host {
        Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

#[cfg(test)]
mod tests {
    use super::{Hosts, is_this_machine, never_called};
    use url::{Host, Url};

    fn allows(patterns: &[&str], url: &str) -> bool {
        let url = Url::parse(url).unwrap();
        Hosts::parse(patterns).unwrap().allow(&url.host().unwrap())
    }

    #[test]
    fn exact_names_and_suffixes_fit_what_they_say_and_nothing_else() {
        let patterns = ["Chat.internal", "*.svc.example.com", "127.0.0.1", "::1"];
        for (url, expected) in [
            ("https://chat.internal/x", true),
            ("https://CHAT.internal./x", true),
            ("https://a.svc.example.com/", true),
            ("https://a.b.svc.example.com/", true),
            ("http://127.0.0.1:81/", true),
            ("http://2130706433/", true),
            ("http://[::1]:81/", true),
            ("https://svc.example.com/", false),
            ("https://badsvc.example.com/", false),
            ("https://chat.internal.example.org/", false),
            ("https://x.chat.internal/", false),
            ("http://127.0.0.2/", false),
        ] {
            assert_eq!(allows(&patterns, url), expected, "{url}");
        }
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(!allows(&[], "https://chat.internal/"));
    }

    #[test]
    fn a_pattern_that_is_no_host_is_refused() {
        for wrong in [
            "",
            "*",
            "*.",
            "*.*",
            "a.*.b",
            "https://a",
            "a:80",
            "a/b",
            "*.127.0.0.1",
            "*.0.0.1",
            ".a",
            "a b",
        ] {
            assert!(Hosts::parse(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metadata_is_never_called_in_any_spelling() {
        for host in [
            "169.254.169.254",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "168.63.129.16",
            "Metadata.Google.Internal.",
            "metadata",
            "0.0.0.0",
        ] {
            let host = Host::parse(host).unwrap();
            assert!(never_called(&super::borrowed(&host)).is_some(), "{host}");
        }
        assert_eq!(never_called(&Host::Domain("chat.internal")), None);
    }

    #[test]
    fn this_machine_is_known_and_allowed_where_it_is_said() {
        let hosts = Hosts::default().and_this_machine();
        for (url, is_own) in [
            ("http://localhost/", true),
            ("http://127.0.0.1/", true),
            ("http://[::1]/", true),
            ("http://10.0.0.1/", false),
        ] {
            let url = Url::parse(url).unwrap();
            let host = url.host().unwrap();
            assert_eq!(is_this_machine(&host), is_own, "{host}");
            assert_eq!(hosts.allow(&host), is_own, "{host}");
        }
    }
}
