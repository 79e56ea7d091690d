//! Where sessions come from: an address, a network of addresses, or the name that an issuer shows instead (pure).

use std::net::IpAddr;

/// Bits of an address; those of IPv4 are written as IPv6 (RFC 4291, section 2.5.5.2), so that both ways are one.
const BITS: u8 = 128;

/// What the `from` of a consumer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Every address whose first bits are these.
    Network { first: u128, bits: u8 },
    /// Exactly what the issuer shows.
    Name(String),
}

impl Source {
    /// Reads `10.0.0.5`, `10.0.0.0/8`, `fd00::/8`, or a name; `None` for a network that is none, such as `10.0.0.0/40`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            // As a name it would match nobody, and be waited for in vain.
            return (!is_slip(address)).then(|| Self::Name(text.to_owned()));
        };
        let own = if address.is_ipv4() { 32 } else { BITS };
        let length = length.map_or(Some(own), |length| length.parse().ok())?;
        let bits = length
            .checked_add(BITS - own)
            .filter(|bits| *bits <= BITS)?;
        let first = leading(number(address), bits);
        Some(Self::Network { first, bits })
    }

    /// Whether a session that the issuer shows with this address comes from here.
    pub(crate) fn has(&self, address: &str) -> bool {
        match (self, address.parse::<IpAddr>()) {
            (Self::Network { first, bits }, Ok(address)) => {
                leading(number(address), *bits) == *first
            }
            (Self::Name(name), Err(_)) => name == address,
            (Self::Network { .. }, Err(_)) | (Self::Name(_), Ok(_)) => false,
        }
    }

    /// Whether a session may come from both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Network { first, bits },
                Self::Network {
                    first: other,
                    bits: others,
                },
            ) => {
                let both = *bits.min(others);
                leading(*first, both) == leading(*other, both)
            }
            (Self::Name(name), Self::Name(other)) => name == other,
            (Self::Network { .. }, Self::Name(_)) | (Self::Name(_), Self::Network { .. }) => false,
        }
    }
}

/// Whether it is meant as an address and is none.
fn is_slip(text: &str) -> bool {
    let all = |of: fn(char) -> bool| text.chars().all(|c| of(c) || c == '.' || c == ':');
    all(|c| c.is_ascii_digit()) || (text.contains(':') && all(|c| c.is_ascii_hexdigit()))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first bits of an address, the others zero.
fn leading(address: u128, bits: u8) -> u128 {
    let rest = u32::from(BITS - bits);
    let shifted = address.checked_shr(rest).unwrap_or(0);
    shifted.checked_shl(rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn read(text: &str) -> Source {
        Source::read(text).unwrap()
    }

    #[test]
    fn networks_overlap_where_one_has_the_other() {
        for (one, other) in [
            ("10.0.0.0/8", "10.1.0.0/16"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.9.9.9/8", "10.0.0.0/8"),
            ("::ffff:10.0.0.5", "10.0.0.5"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("::/0", "192.0.2.1"),
            ("fd00::/8", "FD00:0:0::1"),
            ("db.example.com", "db.example.com"),
        ] {
            let (one, other) = (read(one), read(other));
            assert!(
                one.overlaps(&other) && other.overlaps(&one),
                "{one:?} {other:?}"
            );
        }
        for (one, other) in [
            ("10.0.0.0/9", "10.128.0.0/9"),
            ("10.0.0.5", "10.0.0.6"),
            ("0.0.0.0/0", "2001:db8::1"),
            ("10.0.0.5", "db.example.com"),
            ("db.example.com", "db"),
        ] {
            let (one, other) = (read(one), read(other));
            assert!(
                !one.overlaps(&other) && !other.overlaps(&one),
                "{one:?} {other:?}"
            );
        }
    }

    #[test]
    fn a_session_is_where_its_address_is() {
        for (from, address, has) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "::ffff:10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.5", "10.0.0.5", true),
            ("::1/128", "::1", true),
            ("::/0", "::1", true),
            ("10.0.0.0/8", "10.0.0.0/8", false),
            ("worker 3", "worker 3", true),
            ("worker 3", "worker 4", false),
        ] {
            assert_eq!(read(from).has(address), has, "{from} {address}");
        }
    }

    #[test]
    fn a_network_that_is_none_is_told() {
        for text in [
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/a",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "10.0.0.0.0",
            "fd00:::/8",
        ] {
            assert_eq!(Source::read(text), None, "{text}");
        }
        assert_eq!(read("a/b"), Source::Name("a/b".to_owned()));
    }
}
