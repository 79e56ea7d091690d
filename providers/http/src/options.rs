//! How an issuer `http` is configured.

use crate::pack::Pack;
use crate::shipped;
use keywheel_contract::{Error, Result, Style};
use keywheel_reference::{Reference, addresses};
use regex_lite::Regex;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsStr;
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
    /// Where tokens are asked for, where that is not where the pack says.
    #[serde(default)]
    pub login_url: Option<String>,
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
    /// The addresses that are called, by the key that may say them.
    pub addresses: Vec<(&'static str, String)>,
    /// Hosts of the vendor's own to which this pack's credentials may be sent; none for a pack that is not shipped.
    pub vendor_hosts: Vec<String>,
    /// What the person who makes a credential does.
    pub instructions: Option<String>,
    /// The fields of a credential.
    pub fields: Vec<String>,
    /// Whether the service dates the last use of a credential that is honoured beside another one.
    pub dates_use: bool,
}

impl HttpOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "pack",
        "base_url",
        "login_url",
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
        let base = ("base_url", self.base(&pack)?.to_string());
        let door = self.door(&pack)?;
        let door = door.map(|door| ("login_url", door.to_string()));
        let addresses: Vec<_> = std::iter::once(base).chain(door).collect();
        let plain = addresses.iter().find(|(_, url)| url.starts_with("http:"));
        if let Some((key, _)) = plain.filter(|_| pack.shows_certificate()) {
            return Err(Error::invalid(format!(
                "`{key}` is not encrypted, and only TLS can show the certificate by which {} knows us: write https://",
                pack.title
            )));
        }
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
                addresses,
                vendor_hosts: if shipped::pack(&self.pack).is_some() {
                    pack.hosts
                } else {
                    Vec::new()
                },
                instructions: pack.instructions,
                dates_use: pack.last_used.is_some() && pack.style != Style::InPlace,
                fields: pack.fields.into_keys().collect(),
            }),
        }
    }

    /// The pack: a shipped one, or a file of the folder. Never a choice between two: that would change silently.
    pub(crate) fn find(&self, packs: &Path) -> Result<Pack> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !self.pack.chars().all(plain) {
            return Err(unknown_name("pack", &self.pack, shipped::names()));
        }
        let file = packs.join(format!("{}.toml", self.pack));
        let shipped = shipped::pack(&self.pack);
        match (std::fs::read_to_string(&file), shipped) {
            (Err(error), Some(pack)) if is_missing(&error) => Ok(pack.clone()),
            (Err(error), None) if is_missing(&error) => {
                Err(unknown_name("pack", &self.pack, shipped::names()))
            }
            (Err(error), _) => Err(Error::invalid(format!(
                "{} cannot be read: {error}",
                file.display()
            ))),
            (Ok(text), _) => own(&file, &text),
        }
    }

    /// Where the service is, without a slash at the end.
    pub(crate) fn base(&self, pack: &Pack) -> Result<Url> {
        let text = self.base_url.as_deref().or(pack.base_url.as_deref());
        let text = text.ok_or_else(|| {
            Error::invalid(format!("`base_url` is missing: where is {}?", pack.title))
        })?;
        address("base_url", text)
    }

    /// Where tokens are asked for, where that is not where the service is.
    pub(crate) fn door(&self, pack: &Pack) -> Result<Option<Url>> {
        match (self.login_url.as_deref(), pack.door()) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(Error::invalid(format!(
                "`login_url` has no meaning: {} hands out tokens where it is called, or none",
                pack.title
            ))),
            (Some(text), Some(_)) | (None, Some(text)) => address("login_url", text).map(Some),
        }
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

/// A pack of one's own, by its file and what is in it: named as the file is, and not as a shipped one.
///
/// # Errors
/// `Invalid`: it is named otherwise, or cannot work.
pub fn own(file: &Path, text: &str) -> Result<Pack> {
    let wrong = |why: &str| Error::invalid(format!("{}: {why}", file.display()));
    let name = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    if shipped::pack(name).is_some() {
        return Err(wrong(
            "a pack of this name is shipped: give yours another name",
        ));
    }
    let pack = Pack::parse(text).map_err(|error| wrong(&error.message))?;
    match pack.name == name {
        true => Ok(pack),
        false => Err(wrong(&format!("its `name` is `{}`", pack.name))),
    }
}

fn address(key: &str, text: &str) -> Result<Url> {
    let wrong = || {
        Error::invalid(format!(
            "`{key}` is not an address: write it as https://host/path"
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let mut origin = url.clone();
    origin.set_path("/");
    addresses::origin(key, origin.as_str(), "https://host/path")?;
    Ok(url)
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
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

#[cfg(test)]
mod tests {
    use super::HttpOptions;
    use std::path::Path;

    /// The shortest pack there can be.
    const OWN: &str = r#"
name = "own"
title = "Own tokens"
base_url = "https://own.example.com/api"
sources = []
least_privilege = ""
limits = ""
style = "assisted"
chosen_by = "person"
instructions = "make one"
fields.value = {}
contract = { key = { id = "k{n}" }, refused = [401, {}], missing = [404, {}], routes = [] }
"#;

    fn options(pack: &str) -> HttpOptions {
        toml::from_str(&format!("pack = '{pack}'")).unwrap()
    }

    #[test]
    fn a_pack_is_shipped_or_a_file_and_never_both() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("own.toml", OWN);
        let told = options("own").check(folder.path()).unwrap();
        let base = || ("base_url", "https://own.example.com/api".to_owned());
        assert_eq!(told.addresses, [base()]);
        // Where it asks for tokens is an address too.
        let login = "auth.a.login = { base_url = 'https://l.example.com', token = '/t', lives = '/l', call = { post = '/t' } }";
        write(
            "own.toml",
            &OWN.replace("contract =", &format!("{login}\ncontract =")),
        );
        let told = options("own").check(folder.path()).unwrap();
        let door = |url: &str| ("login_url", url.to_owned());
        assert_eq!(told.addresses, [base(), door("https://l.example.com/")]);
        let mut elsewhere = options("own");
        elsewhere.login_url = Some("https://m.example.com/t".to_owned());
        let told = elsewhere.check(folder.path()).unwrap();
        assert_eq!(told.addresses, [base(), door("https://m.example.com/t")]);
        elsewhere.pack = "slack".to_owned();
        let said = elsewhere.check(folder.path()).unwrap_err().message;
        assert!(said.contains("`login_url` has no meaning"), "{said}");
        assert_eq!(told.vendor_hosts, Vec::<String>::new());
        assert_eq!(told.instructions.as_deref(), Some("make one"));
        write("other.toml", OWN);
        write("slack.toml", &OWN.replace("\"own\"", "\"slack\""));
        write("broken.toml", "name = 1");
        for (pack, words) in [
            ("other", "its `name` is `own`"),
            ("slack", "is shipped: give yours another name"),
            ("broken", "line 1"),
            ("missing", "there is no pack `missing`"),
            ("../own", "there is no pack"),
        ] {
            let said = options(pack).check(folder.path()).unwrap_err().message;
            assert!(said.contains(words), "{pack}: {said}");
        }
        let elsewhere = Path::new("/nonexistent");
        assert_eq!(
            options("slack").check(elsewhere).unwrap().vendor_hosts,
            ["slack.com"]
        );
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "pack = 'slack'\nbase_url = 'https://h'\nlogin_url = 'https://l'\nca_file = 'c'\ninstructions = 'i'\n\
                   credentials = { a = { env = 'A' } }\nparameters = { b = 1 }";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut keys = HttpOptions::KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(read.keys().map(String::as_str).collect::<Vec<_>>(), keys);
        assert!(toml::from_str::<HttpOptions>(all).is_ok());
        assert!(toml::from_str::<HttpOptions>("pack = 'slack'\nx = 1").is_err());
    }
}
