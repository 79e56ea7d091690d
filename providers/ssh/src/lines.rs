//! The lines of an `authorized_keys` file, in the form of sshd(8) (pure). What is not ours is kept byte for byte.

use std::borrow::Cow;

/// Stands before a line whose key is disabled; to sshd it is a comment.
const DISABLED: &str = "#keywheel-disabled ";

/// A line with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// `SHA256:…` of the key.
    pub(crate) fingerprint: String,
    /// What stands behind the key.
    pub(crate) comment: String,
    /// Not one that we disabled.
    pub(crate) honoured: bool,
}

/// Every key of the file, disabled ones too, in the order of the lines.
pub(crate) fn listed(text: &[u8]) -> Vec<Listed> {
    text.split(|byte| *byte == b'\n').filter_map(read).collect()
}

/// The line of a new key; `options` are those of sshd(8), with nothing behind them.
pub(crate) fn line(options: Option<&str>, public: &str, comment: &str) -> String {
    match options {
        Some(options) => format!("{options} {public} {comment}"),
        None => format!("{public} {comment}"),
    }
}

/// The file with one more line at its end.
pub(crate) fn with(text: &[u8], line: &str) -> Vec<u8> {
    let mut longer = text.to_vec();
    if !longer.is_empty() && !longer.ends_with(b"\n") {
        longer.push(b'\n');
    }
    longer.extend_from_slice(line.as_bytes());
    longer.push(b'\n');
    longer
}

/// The file with every line of this key commented out.
pub(crate) fn disabled(text: &[u8], fingerprint: &str) -> Vec<u8> {
    changed(text, fingerprint, |line, listed| match listed.honoured {
        true => Some(Cow::Owned([DISABLED.as_bytes(), line].concat())),
        false => Some(Cow::Borrowed(line)),
    })
}

/// The file with every line of this key as it was before it was disabled.
pub(crate) fn enabled(text: &[u8], fingerprint: &str) -> Vec<u8> {
    changed(text, fingerprint, |line, _| {
        let before = line.strip_prefix(DISABLED.as_bytes());
        Some(Cow::Borrowed(before.unwrap_or(line)))
    })
}

/// The file without any line of this key.
pub(crate) fn without(text: &[u8], fingerprint: &str) -> Vec<u8> {
    changed(text, fingerprint, |_, _| None)
}

/// The same file with other lines in the place of those of one key.
fn changed<'t>(
    text: &'t [u8],
    fingerprint: &str,
    change: impl Fn(&'t [u8], &Listed) -> Option<Cow<'t, [u8]>>,
) -> Vec<u8> {
    let kept = text.split_inclusive(|byte| *byte == b'\n');
    let lines = kept.filter_map(|line| match read(line) {
        Some(listed) if listed.fingerprint == fingerprint => change(line, &listed),
        _ => Some(Cow::Borrowed(line)),
    });
    lines.flat_map(Cow::into_owned).collect()
}

/// The key of a line; `None` where there is none, where somebody else commented it out (that comment is theirs), or
/// where it signs certificates and logs nobody in.
fn read(line: &[u8]) -> Option<Listed> {
    let text = String::from_utf8_lossy(line);
    let (text, honoured) = match text.strip_prefix(DISABLED) {
        Some(before) => (before, false),
        None => (text.as_ref(), true),
    };
    let text = text.trim();
    if text.starts_with('#') {
        return None;
    }
    let (fingerprint, comment) = key(text).or_else(|| {
        let (options, rest) = options(text)?;
        key(rest).filter(|_| !signs_certificates(options))
    })?;
    Some(Listed {
        fingerprint,
        comment: comment.to_owned(),
        honoured,
    })
}

/// The fingerprint of the key that a text begins with, and what stands behind it.
fn key(text: &str) -> Option<(String, &str)> {
    let (kind, rest) = text.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    let (blob, comment) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let known = ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|family| kind.starts_with(family));
    let fingerprint = keywheel_ssh_keys::fingerprint(&format!("{kind} {blob}"));
    Some((fingerprint.filter(|_| known)?, comment.trim()))
}

/// The options that a line begins with, which end at the first blank outside quotes, and what stands behind them.
fn options(text: &str) -> Option<(&str, &str)> {
    let (end, _) = outside_quotes(text).find(|(_, c)| matches!(c, ' ' | '\t'))?;
    Some((&text[..end], text[end..].trim_start()))
}

fn signs_certificates(options: &str) -> bool {
    let commas = outside_quotes(options).filter(|(_, c)| *c == ',');
    let mut start = 0;
    commas.map(|(at, _)| at).chain([options.len()]).any(|end| {
        let name = &options[start..end];
        start = end + 1;
        name.eq_ignore_ascii_case("cert-authority")
    })
}

/// The characters outside quotes, with their places; `\"` begins and ends nothing (`auth-options.c` of openssh-portable).
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().filter(move |(_, c)| {
        let outside = !quoted;
        if *c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = *c == '\\';
        outside
    })
}

#[cfg(test)]
mod tests {
    use super::{disabled, enabled, line, listed, with, without};

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB";

    fn name(public: &str) -> String {
        keywheel_ssh_keys::fingerprint(public).unwrap()
    }

    /// Comments, keys that somebody commented out, blanks, options with blanks and quotes, a certificate authority,
    /// bytes that are no text.
    fn file() -> Vec<u8> {
        let text = format!(
            "# ssh-ed25519 of Alice\n\n  {TWO} alice@example\n\
             # {ONE} x\n#no-pty {ONE} x\n  #{TWO} x\n#keywheel-disabled # {ONE} x\n\
             from=\"10.0.0.0/8\",command=\"echo \\\"a b\\\" ssh-rsa\" {ONE} deploy key\n\
             no-pty,cert-authority {ONE} the authority\nnonsense\n{TWO}"
        );
        [b"#\xff\xfe\r\n", text.as_bytes()].concat()
    }

    #[test]
    fn every_key_is_seen_whatever_stands_before_it() {
        let seen: Vec<_> = listed(&file())
            .into_iter()
            .map(|one| (one.fingerprint, one.comment, one.honoured))
            .collect();
        let all = [(TWO, "alice@example"), (ONE, "deploy key"), (TWO, "")];
        let all = all.map(|(key, comment)| (name(key), comment.to_owned(), true));
        assert_eq!(seen, all);
    }

    #[test]
    fn disabling_is_undone_byte_for_byte() {
        for key in [ONE, TWO] {
            let off = disabled(&file(), &name(key));
            let on = |text: &[u8]| {
                let honoured = listed(text).into_iter().filter(|one| one.honoured);
                honoured.filter(|one| one.fingerprint == name(key)).count()
            };
            assert_eq!(on(&off), 0);
            assert_eq!(listed(&off).len(), 3, "still known");
            assert_eq!(disabled(&off, &name(key)), off, "twice equals once");
            assert_eq!(enabled(&off, &name(key)), file());
            assert_eq!(enabled(&file(), &name(key)), file());
        }
    }

    #[test]
    fn only_lines_of_the_key_go_away() {
        let rest = without(&disabled(&file(), &name(ONE)), &name(ONE));
        let text = String::from_utf8_lossy(&rest);
        assert!(!text.contains("deploy key") && text.contains("the authority"));
        assert_eq!(rest.len() + line_length("deploy key"), file().len());
        assert_eq!(without(&file(), &name("ssh-rsa AAAA")), file());
    }

    fn line_length(word: &str) -> usize {
        let file = file();
        let text = String::from_utf8_lossy(&file);
        text.lines().find(|line| line.contains(word)).unwrap().len() + 1
    }

    #[test]
    fn a_line_is_added_on_a_line_of_its_own() {
        let new = line(Some("restrict,command=\"a b\""), ONE, "tag");
        let longer = with(&file(), &new);
        assert!(longer.starts_with(&file()) && longer.ends_with(format!("\n{new}\n").as_bytes()));
        assert_eq!(listed(&longer).pop().unwrap().comment, "tag");
        assert_eq!(with(b"", ONE), format!("{ONE}\n").into_bytes());
    }
}
