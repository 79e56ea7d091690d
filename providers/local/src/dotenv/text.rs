//! The text of a `.env` file: where each value stands, and the same text with some of them replaced (pure).
//!
//! Programs disagree on this format. The rules here are those of a POSIX shell wherever the libraries follow
//! them, and values are written so that as many readers as possible agree:
//!
//! | value | written | read the same by |
//! |---|---|---|
//! | letters, digits, `_ - . / : @ % + , =` | bare, unless it stood in quotes | all |
//! | anything else without `'` | in single quotes, line breaks as they are | shell, node, godotenv; python unless it has `\\` twice or at its end |
//! | with `'` | in double quotes, with a backslash before `\ " $` and the back quote | shell, python, godotenv |
//!
//! When read, `\n`, `\r` and `\t` in double quotes are what the libraries make of them, not what a shell does.
//! A bare `$` is kept as it is and reported, as some readers expand it.

use super::value::{Quotes, decode, encode};
use keywheel_contract::{Error, Fields, Result, SecretValue};
use std::collections::BTreeSet;
use std::ops::Range;

/// One `KEY=value` of the file.
struct Assignment {
    key: Range<usize>,
    /// The value with its quotes, without what follows it.
    value: Range<usize>,
    quotes: Quotes,
    line: usize,
    problem: Option<&'static str>,
}

/// A parsed file that keeps every byte.
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    assignments: Vec<Assignment>,
    /// Whether some line is neither an assignment nor blank nor a comment: perhaps a piece of a value.
    strange: bool,
}

impl<'a> Text<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Self {
        let (mut assignments, mut strange) = (Vec::new(), false);
        let (mut at, mut line) = (byte_order_mark(bytes), 1);
        while at < bytes.len() {
            let found = assignment(bytes, at, line);
            let end = line_end(bytes, found.as_ref().map_or(at, |found| found.value.end));
            strange |= found.is_none() && !is_silent(&bytes[at..end]);
            line += bytes[at..end].iter().filter(|b| **b == b'\n').count() + 1;
            assignments.extend(found);
            at = end + 1;
        }
        Self {
            bytes,
            assignments,
            strange,
        }
    }

    /// The values of these keys; a key that is not there is left out.
    ///
    /// # Errors
    /// `Invalid`, with the line: a key stands there twice, or its quotes cannot be understood.
    pub(super) fn fields(&self, keys: &[String]) -> Result<Fields> {
        let mut fields = Fields::new();
        for key in keys {
            if let Some(found) = self.only(key)? {
                let value = decode(&self.bytes[found.value.clone()], found.quotes);
                fields.insert(key.clone(), value);
            }
        }
        Ok(fields)
    }

    /// Names of all keys, each once; none of a text that is not understood whole, for what looks like a name there
    /// may be a piece of a value.
    pub(super) fn keys(&self) -> Vec<String> {
        let broken = self.assignments.iter().any(|found| found.problem.is_some());
        if self.strange || broken {
            return Vec::new();
        }
        let name = |found: &Assignment| std::str::from_utf8(&self.bytes[found.key.clone()]).ok();
        let names: BTreeSet<&str> = self.assignments.iter().filter_map(name).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The same text with these values: a value that is equal stays as it is written, a key that is missing
    /// comes last.
    ///
    /// # Errors
    /// `Invalid`: as for [`fields`](Self::fields), or a value cannot stand in such a file.
    pub(super) fn with(&self, fields: &Fields) -> Result<SecretValue> {
        let mut edits = Vec::new();
        let mut missing = Vec::new();
        for (key, value) in fields.iter() {
            let Some(found) = self.only(key)? else {
                missing.push((key, encode(key, value, Quotes::None)?));
                continue;
            };
            let old = decode(&self.bytes[found.value.clone()], found.quotes);
            if !old.matches(value) {
                edits.push((found.value.clone(), encode(key, value, found.quotes)?));
            }
        }
        edits.sort_by_key(|(at, _)| at.start);
        Ok(self.joined(&edits, &missing))
    }

    /// Lines on which a value of ours is written so that some readers expand it.
    pub(super) fn expanded(&self, keys: &[String]) -> Vec<usize> {
        let expands = |found: &&Assignment| {
            found.quotes != Quotes::Single && self.bytes[found.value.clone()].contains(&b'$')
        };
        let ours = keys.iter().filter_map(|key| self.only(key).ok().flatten());
        ours.filter(expands).map(|found| found.line).collect()
    }

    fn joined(
        &self,
        edits: &[(Range<usize>, SecretValue)],
        missing: &[(&str, SecretValue)],
    ) -> SecretValue {
        let added: usize = edits.iter().map(|(_, value)| value.len()).sum();
        let appended: usize = missing
            .iter()
            .map(|(key, value)| key.len() + value.len() + 5)
            .sum();
        let mut whole = Vec::with_capacity(self.bytes.len() + added + appended);
        let mut copied = 0;
        for (at, value) in edits {
            whole.extend_from_slice(&self.bytes[copied..at.start]);
            whole.extend_from_slice(value.expose_secret());
            copied = at.end;
        }
        whole.extend_from_slice(&self.bytes[copied..]);
        let ending = self.line_ending();
        for (key, value) in missing {
            if !matches!(whole.last(), None | Some(b'\n')) {
                whole.extend_from_slice(ending);
            }
            for part in [key.as_bytes(), b"=", value.expose_secret(), ending] {
                whole.extend_from_slice(part);
            }
        }
        SecretValue::new(whole)
    }

    fn only(&self, key: &str) -> Result<Option<&Assignment>> {
        let named = |found: &&Assignment| self.bytes[found.key.clone()] == *key.as_bytes();
        let ours: Vec<_> = self.assignments.iter().filter(named).collect();
        let lines = self.lines_like(key);
        if ours.len() > 1 || lines.len() > ours.len() {
            return Err(Error::invalid(format!(
                "`{key}=` stands on lines {}, where it may be inside other quotes: readers disagree on which counts; leave one",
                lines
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" and ")
            )));
        }
        match ours.first() {
            Some(Assignment {
                problem: Some(why),
                line,
                ..
            }) => Err(Error::invalid(format!(
                "the value of `{key}` on line {line} cannot be replaced: {why}"
            ))),
            found => Ok(found.copied()),
        }
    }

    /// Lines that look like an assignment to the key, also within somebody's quotes.
    fn lines_like(&self, key: &str) -> Vec<usize> {
        let like = |line: &[u8]| {
            name(line, byte_order_mark(line)).is_some_and(|found| line[found.0] == *key.as_bytes())
        };
        let lines = self.bytes.split(|byte| *byte == b'\n').zip(1..);
        lines
            .filter(|(line, _)| like(line))
            .map(|(_, number)| number)
            .collect()
    }

    fn line_ending(&self) -> &'static [u8] {
        let first = self.bytes.iter().position(|byte| *byte == b'\n');
        match first.and_then(|at| at.checked_sub(1)) {
            Some(before) if self.bytes[before] == b'\r' => b"\r\n",
            _ => b"\n",
        }
    }
}

/// Editors on Windows may begin a file with it; it belongs to no key.
fn byte_order_mark(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    }
}

fn assignment(bytes: &[u8], start: usize, line: usize) -> Option<Assignment> {
    let (key, after) = name(&bytes[..line_end(bytes, start)], start)?;
    let at = skip_blanks(bytes, after);
    let bare = bare(bytes, at, after);
    let (value, quotes, problem) = match bytes.get(at) {
        Some(quote @ (b'\'' | b'"')) => match closing(bytes, at + 1, *quote) {
            Some(end) => (at..end, Quotes::of(*quote), follows(bytes, end)),
            None => (bare, Quotes::of(*quote), Some("its quote is not closed")),
        },
        _ => (bare, Quotes::None, None),
    };
    Some(Assignment {
        key,
        value,
        quotes,
        line,
        problem,
    })
}

/// The key of a line, and where its value may begin; `None` for comments and everything else.
fn name(line: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
    let mut from = skip_blanks(line, start);
    if let Some(rest) = line[from..].strip_prefix(b"export")
        && rest.first().is_some_and(|byte| is_blank(*byte))
    {
        from = skip_blanks(line, from + b"export".len());
    }
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let to = from + line[from..].iter().take_while(in_name).count();
    let equals = skip_blanks(line, to);
    (to > from && line.get(equals) == Some(&b'=')).then_some((from..to, equals + 1))
}

/// A value without quotes: up to a comment after white space, or the end of the line. Where nothing is left
/// it stands directly after the `=`.
fn bare(bytes: &[u8], at: usize, after_equals: usize) -> Range<usize> {
    let end = line_end(bytes, at);
    let starts_comment = |i: &usize| bytes[*i] == b'#' && is_blank(bytes[*i - 1]);
    let mut to = (at..end).find(starts_comment).unwrap_or(end);
    while to > at && bytes[to - 1].is_ascii_whitespace() {
        to -= 1;
    }
    if to == at {
        after_equals..after_equals
    } else {
        at..to
    }
}

/// Just behind the quote that closes, which may be lines away.
fn closing(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match *byte {
            b'\\' if quote == b'"' => at += 1,
            byte if byte == quote => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// What stands behind a closing quote must be nothing or a comment.
fn follows(bytes: &[u8], from: usize) -> Option<&'static str> {
    let rest = &bytes[from..line_end(bytes, from)];
    let text = rest.trim_ascii_start();
    let comment = text.starts_with(b"#") && text.len() < rest.len();
    (!text.is_empty() && !comment).then_some("more text follows its closing quote")
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes[from..].iter().position(|byte| *byte == b'\n');
    rest.map_or(bytes.len(), |length| from + length)
}

/// A blank line or a comment.
fn is_silent(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.is_empty() || text.starts_with(b"#")
}

fn skip_blanks(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..]
        .iter()
        .take_while(|byte| is_blank(**byte))
        .count()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
