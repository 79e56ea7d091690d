//! How an issuer `http` is configured.

use crate::pack::Pack;
use crate::shipped;
use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use regex_lite::Regex;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Options of the issuer `http`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpOptions {
    /// Name of a shipped pack, or of a file `NAME.toml` in the folder `packs` of `keywheel.toml`.
    pub pack: String,
    /// Where the service is, where that is not where the pack says; `http://` only for this machine.
    #[serde(default)]
    pub base_url: Option<String>,
    /// PEM file of further authorities that may have signed the server's certificate.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What keywheel itself is known by there, by the names of the pack.
    #[serde(default)]
    pub credentials: BTreeMap<String, Reference>,
    /// The pack's settings.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// What the person who makes a credential does, where the pack's words do not fit.
    #[serde(default)]
    pub instructions: Option<String>,
}

/// What follows from options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The address that is called.
    pub address: String,
    /// Hosts of the vendor's own to which this pack's credentials may be sent; none for a pack that is not shipped.
    pub vendor_hosts: Vec<String>,
    /// What the person who makes a credential does.
    pub instructions: Option<String>,
}

impl HttpOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "pack",
        "base_url",
        "ca_file",
        "credentials",
        "parameters",
        "instructions",
    ];

    /// Whether the settings can work together; nothing is called. `packs` is the folder of packs that are not shipped.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self, packs: &Path) -> Result<Told> {
        let pack = self.find(packs)?;
        let address = self.base(&pack)?.to_string();
        self.filled(&pack)?;
        let mut names = self.credentials.keys();
        if let Some(unknown) = names.find(|name| !pack.credentials.contains_key(*name)) {
            return Err(unknown_name("credential", unknown, pack.credentials.keys()));
        }
        let mut needed = pack.credentials.iter();
        match needed.find(|(name, _)| !self.credentials.contains_key(*name)) {
            Some((name, about)) => Err(Error::invalid(format!(
                "`credentials.{name}` is missing: {about}, as {{ env = \"NAME\" }} or {{ file = \"path\" }}"
            ))),
            None => Ok(Told {
                address,
                vendor_hosts: if shipped::pack(&self.pack).is_some() {
                    pack.hosts
                } else {
                    Vec::new()
                },
                instructions: pack.instructions,
            }),
        }
    }

    /// The pack: a shipped one, else a file of the folder.
    pub(crate) fn find(&self, packs: &Path) -> Result<Pack> {
        if let Some(pack) = shipped::pack(&self.pack) {
            return Ok(pack.clone());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !self.pack.chars().all(plain) {
            return Err(unknown_name("pack", &self.pack, shipped::names()));
        }
        let file = packs.join(format!("{}.toml", self.pack));
        let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => unknown_name("pack", &self.pack, shipped::names()),
            _ => Error::invalid(format!("{} cannot be read: {error}", file.display())),
        })?;
        let pack = Pack::parse(&text)
            .map_err(|error| Error::invalid(format!("{}: {}", file.display(), error.message)))?;
        if pack.name != self.pack {
            return Err(Error::invalid(format!(
                "{}: its `name` is `{}`",
                file.display(),
                pack.name
            )));
        }
        Ok(pack)
    }

    /// Where the service is, without a slash at the end.
    pub(crate) fn base(&self, pack: &Pack) -> Result<Url> {
        let text = self.base_url.as_deref().or(pack.base_url.as_deref());
        let text = text.ok_or_else(|| {
            Error::invalid(format!("`base_url` is missing: where is {}?", pack.title))
        })?;
        let wrong =
            || Error::invalid("`base_url` is not an address: write it as https://host/path");
        let url = Url::parse(text).map_err(|_| wrong())?;
        let mut origin = url.clone();
        origin.set_path("/");
        addresses::origin("base_url", origin.as_str(), "https://host/path")?;
        Ok(url)
    }

    /// Every parameter with its value or default.
    pub(crate) fn filled(&self, pack: &Pack) -> Result<BTreeMap<String, Value>> {
        if let Some(unknown) = self
            .parameters
            .keys()
            .find(|name| !pack.parameters.contains_key(*name))
        {
            return Err(unknown_name("parameter", unknown, pack.parameters.keys()));
        }
        let mut filled = BTreeMap::new();
        for (name, parameter) in &pack.parameters {
            let value = self
                .parameters
                .get(name)
                .or(parameter.default.as_ref())
                .cloned();
            let value = value.ok_or_else(|| {
                Error::invalid(format!(
                    "`parameters.{name}` is missing: {}",
                    parameter.about
                ))
            })?;
            let text = value.as_str().unwrap_or_default();
            if parameter
                .format
                .as_deref()
                .is_some_and(|format| !fits(format, text))
            {
                return Err(Error::invalid(format!(
                    "`parameters.{name}` is not {}",
                    parameter.about
                )));
            }
            let left_out =
                value == Value::Bool(false) && parameter.default == Some(Value::Bool(false));
            filled.insert(name.clone(), if left_out { Value::Null } else { value });
        }
        Ok(filled)
    }
}

/// Whether the whole text is as the expression says.
pub(crate) fn fits(format: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{format})$")).is_ok_and(|regex| regex.is_match(text))
}

fn unknown_name<S: AsRef<str>>(what: &str, name: &str, known: impl Iterator<Item = S>) -> Error {
    let known: Vec<String> = known.map(|name| format!("`{}`", name.as_ref())).collect();
    let known = if known.is_empty() {
        "there are none".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    };
    Error::invalid(format!("there is no {what} `{name}`: {known}"))
}
