//! The text form of keys and certificates (RFC 7468). It may hold a private key: every copy is wiped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Characters of a line, as RFC 7468 has them.
const LINE: usize = 64;

/// What a text holds.
pub struct Pem<'t> {
    /// What it says to be, such as `PRIVATE KEY`.
    pub label: &'t str,
    /// The bytes inside.
    pub der: Zeroizing<Vec<u8>>,
}

/// Reads a text that holds one thing; `None` where it does not, also where it is encrypted in OpenSSL's older way.
#[must_use]
pub fn read(text: &str) -> Option<Pem<'_>> {
    let (label, rest) = text
        .trim()
        .strip_prefix("-----BEGIN ")?
        .split_once("-----")?;
    let inside = rest.strip_suffix("-----")?.strip_suffix(label)?;
    let inside = inside.strip_suffix("-----END ")?;
    // Room first: a buffer that grows would leave parts of a key behind in memory.
    let mut bare = Zeroizing::new(Vec::with_capacity(inside.len()));
    bare.extend(inside.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let der = Zeroizing::new(STANDARD.decode(&*bare).ok()?);
    Some(Pem { label, der })
}

/// Writes such a text.
#[must_use]
pub fn armoured(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let room = body.len() + body.len() / LINE + 2 * label.len() + 40;
    let mut pem = Zeroizing::new(String::with_capacity(room));
    pem.push_str("-----BEGIN ");
    pem.push_str(label);
    pem.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::{armoured, read};

    #[test]
    fn what_is_written_is_read() {
        for length in [1, 47, 48, 49, 1200] {
            let der = vec![7; length];
            let text = armoured("PRIVATE KEY", &der);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(text.len(), text.trim_end().len() + 1);
            let pem = read(&text).unwrap();
            assert_eq!((pem.label, pem.der.as_slice()), ("PRIVATE KEY", &*der));
        }
    }

    #[test]
    fn what_is_no_such_text_is_refused() {
        for wrong in [
            "",
            "example",
            "-----BEGIN A-----",
            "-----BEGIN A-----\nZXhhbXBsZQ==\n-----END B-----",
            "-----BEGIN A-----\nexample!\n-----END A-----",
            "-----BEGIN A-----\nDEK-Info: AES-128-CBC\n\nZXhhbXBsZQ==\n-----END A-----",
        ] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
