//! Where the example reads its secret: a file, a field of a JSON document, a key of a `.env` file.

use anyhow::{Context, Result, ensure};
use keywheel_contract::{Document, SecretValue};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A place to read the value from.
pub(crate) struct Source {
    path: PathBuf,
    part: Part,
}

enum Part {
    /// The file, without the line end that editors leave.
    Whole,
    Field(String),
    Key(String),
}

impl Source {
    /// The field of `path`, or else its key, or else all of it.
    pub(crate) fn new(path: &Path, field: Option<&str>, key: Option<&str>) -> Self {
        let part = match (field, key) {
            (Some(field), _) if path.is_dir() => {
                return Self {
                    path: path.join(field),
                    part: Part::Whole,
                };
            }
            (Some(field), _) => Part::Field(field.to_owned()),
            (None, Some(key)) => Part::Key(key.to_owned()),
            (None, None) => Part::Whole,
        };
        Self {
            path: path.to_owned(),
            part,
        }
    }

    /// The value as it is in the file now.
    ///
    /// # Errors
    /// The file cannot be read, or has no such field or key, or an empty one. No message holds a value.
    pub(crate) fn read(&self) -> Result<SecretValue> {
        let shown = self.path.display();
        let bytes =
            SecretValue::new(fs::read(&self.path).with_context(|| format!("cannot read {shown}"))?);
        let value = match &self.part {
            Part::Whole => whole(&bytes),
            Part::Field(name) => field(&bytes, name)?,
            Part::Key(key) => {
                env_value(&bytes, key).with_context(|| format!("{shown} has no key {key}"))?
            }
        };
        ensure!(!value.is_empty(), "the value in {shown} is empty");
        Ok(value)
    }
}

fn whole(bytes: &SecretValue) -> SecretValue {
    let bytes = bytes.expose_secret();
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    SecretValue::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

fn field(bytes: &SecretValue, name: &str) -> Result<SecretValue> {
    let document = Document::decode(bytes, &[name.to_owned()])?;
    let value = document
        .proof_value(Some(name))
        .context("the document has no such field")?;
    Ok(value.duplicate())
}

/// The last line that sets the key wins, as in a shell.
fn env_value(bytes: &SecretValue, key: &str) -> Option<SecretValue> {
    let lines = bytes.expose_secret_str()?.lines();
    let mut set = lines.filter_map(|line| {
        let line = line.trim_start();
        let (name, value) = line
            .strip_prefix("export ")
            .unwrap_or(line)
            .split_once('=')?;
        (name.trim() == key).then_some(value.trim())
    });
    set.next_back()
        .map(|value| SecretValue::from(unquoted(value)))
}

fn unquoted(value: &str) -> String {
    let between = |quote| {
        value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    match (between('\''), between('"')) {
        (Some(raw), _) => raw.to_owned(),
        (None, Some(escaped)) => unescaped(escaped),
        (None, None) => value.to_owned(),
    }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let meant = match character {
            '\\' => characters.next().unwrap_or('\\'),
            other => {
                plain.push(other);
                continue;
            }
        };
        plain.push(match meant {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            other => other,
        });
    }
    plain
}
