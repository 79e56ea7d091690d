//! One value, as it stands in the file and as it is (pure).

use keywheel_contract::{Error, Result, SecretValue};

/// What a value stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
}

impl Quotes {
    pub(super) fn of(byte: u8) -> Self {
        match byte {
            b'\'' => Self::Single,
            b'"' => Self::Double,
            _ => Self::None,
        }
    }
}

/// The value that such a text stands for; the text has its quotes.
pub(super) fn decode(text: &[u8], quotes: Quotes) -> SecretValue {
    let inner = || &text[1..text.len() - 1];
    match quotes {
        Quotes::None => SecretValue::new(text.to_vec()),
        Quotes::Single => SecretValue::new(inner().to_vec()),
        Quotes::Double => unescaped(inner()),
    }
}

/// The text to write for a value: bare where that is safe and it was bare, else in quotes.
///
/// # Errors
/// `Invalid`: the value has a NUL byte, which no environment can hold.
pub(super) fn encode(key: &str, value: &SecretValue, was: Quotes) -> Result<SecretValue> {
    let bytes = value.expose_secret();
    if bytes.contains(&0) {
        return Err(Error::invalid(format!(
            "the value of `{key}` has a NUL byte"
        )));
    }
    if was == Quotes::None && bytes.iter().all(is_plain) {
        return Ok(value.duplicate());
    }
    if bytes.contains(&b'\'') {
        return Ok(escaped(bytes));
    }
    let mut text = Vec::with_capacity(bytes.len() + 2);
    text.push(b'\'');
    text.extend_from_slice(bytes);
    text.push(b'\'');
    Ok(SecretValue::new(text))
}

fn is_plain(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(byte)
}

fn escaped(bytes: &[u8]) -> SecretValue {
    let mut text = Vec::with_capacity(bytes.len() * 2 + 2);
    text.push(b'"');
    for byte in bytes {
        if is_special(*byte) {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text.push(b'"');
    SecretValue::new(text)
}

fn unescaped(text: &[u8]) -> SecretValue {
    let mut value = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => value.push(b'\n'),
            Some(b'r') => value.push(b'\r'),
            Some(b't') => value.push(b'\t'),
            Some(special) if is_special(special) => value.push(special),
            Some(other) => value.extend([b'\\', other]),
            None => value.push(b'\\'),
        }
    }
    SecretValue::new(value)
}

/// What a backslash takes its meaning from, between double quotes in a POSIX shell.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'"' | b'$' | b'`')
}

#[cfg(test)]
mod tests {
    use super::{Quotes, decode, encode};
    use keywheel_contract::SecretValue;

    fn written(value: &str, was: Quotes) -> String {
        let value = SecretValue::from(value.to_owned());
        let text = encode("KEY", &value, was).unwrap();
        text.expose_secret_str().unwrap().to_owned()
    }

    #[test]
    fn a_value_is_quoted_where_it_must_be() {
        assert_eq!(written("ex-1/2:3@x", Quotes::None), "ex-1/2:3@x");
        assert_eq!(written("ex-1", Quotes::Double), "'ex-1'");
        assert_eq!(written("", Quotes::Single), "''");
        assert_eq!(written("a $b #c\n\"", Quotes::None), "'a $b #c\n\"'");
        assert_eq!(
            written("it's $5 \\ \"x\"", Quotes::None),
            r#""it's \$5 \\ \"x\"""#
        );
    }

    #[test]
    fn double_quotes_are_read_as_the_libraries_do() {
        let value = decode(br#""a\nb\t\"\$\\n\x""#, Quotes::Double);
        assert_eq!(value.expose_secret(), b"a\nb\t\"$\\n\\x");
        let value = decode(br"'a\n'", Quotes::Single);
        assert_eq!(value.expose_secret(), br"a\n");
    }
}
