//! The hosts that an environment's notify and verify addresses may name.

use keywheel_contract::{Error, Result};
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
    /// Reads the patterns of `keywheel.toml`.
    ///
    /// # Errors
    /// [`Invalid`](keywheel_contract::ErrorKind::Invalid): a pattern is not a host name, an address or
    /// `*.suffix`.
    pub fn parse<P: AsRef<str>>(patterns: &[P]) -> Result<Self> {
        let parsed: Result<_> = patterns.iter().map(|p| pattern(p.as_ref())).collect();
        parsed.map(Self)
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

fn pattern(text: &str) -> Result<Pattern> {
    let read = match text.strip_prefix("*.") {
        Some(suffix) => domain(suffix).map(|name| Pattern::Below(format!(".{name}"))),
        None => exact(text).map(Pattern::Exact),
    };
    read.ok_or_else(|| {
        Error::invalid(format!(
            "`{text}` is not a host to allow: write a name, an address, or `*.suffix`, without scheme, port or path"
        ))
    })
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
    use super::Hosts;
    use url::Url;

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
        ] {
            assert!(Hosts::parse(&[wrong]).is_err(), "{wrong}");
        }
    }
}
