//! Issuer `manual`: a person brings the value, and everything else is automatic.
//!
//! It knows no outside system. It checks the format of what was brought and no more: a test answers
//! `unknown`, nothing is found, disabled or revoked here. **`revokes: false` means that a person ends the old
//! credential**, at the place the instructions name; keywheel asks for it, records who says that it is done,
//! and never reports more than that person said.

use crate::alphabet::{Alphabet, Class, has_required};
use crate::random::refuse_repeat;
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, SecretValue, Style, Tag,
};
use serde::Deserialize;
use std::time::Duration;

/// Options of the issuer `manual`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ManualOptions {
    /// What every value begins with.
    pub prefix: Option<String>,
    /// Fewest bytes, the prefix included.
    pub min_length: Option<usize>,
    /// Most bytes, the prefix included.
    pub max_length: Option<usize>,
    /// The only characters allowed after the prefix.
    pub alphabet: Option<String>,
    /// Kinds of which at least one character must occur after the prefix.
    pub require: Vec<Class>,
    /// Names of its fields, where it is not one `value`.
    pub fields: Vec<String>,
    /// Shown to the person who is asked: where the new one is made, and where the old one is ended.
    pub instructions: Option<String>,
}

impl ManualOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "prefix",
        "min_length",
        "max_length",
        "alphabet",
        "require",
        "fields",
        "instructions",
    ];
}

/// Checks what a person brings. The format rules hold for the field `value`, or for the only field; every
/// other field must just be clean text.
pub struct ManualIssuer {
    options: ManualOptions,
    alphabet: Option<Alphabet>,
}

impl ManualIssuer {
    /// An issuer by these options.
    ///
    /// # Errors
    /// `Invalid`: no value could fit the options.
    pub fn new(options: ManualOptions) -> Result<Self> {
        let alphabet = options
            .alphabet
            .as_deref()
            .map(Alphabet::parse)
            .transpose()?;
        ensure_possible(&options, alphabet.as_ref())?;
        Ok(Self { options, alphabet })
    }

    /// What the person who is asked should be shown.
    pub fn instructions(&self) -> Option<&str> {
        self.options.instructions.as_deref()
    }

    fn check(&self, text: &str) -> Result<()> {
        self.check_length(text.len())?;
        let prefix = self.options.prefix.as_deref().unwrap_or_default();
        let rest = text.strip_prefix(prefix).ok_or_else(|| {
            Error::invalid(format!(
                "the value does not begin with `{prefix}`: is it another kind of key?"
            ))
        })?;
        if let Some(alphabet) = &self.alphabet
            && !rest.chars().all(|c| alphabet.has(c))
        {
            return Err(Error::invalid(
                "the value has a character outside the alphabet",
            ));
        }
        has_required(rest, &self.options.require)
    }

    fn check_length(&self, length: usize) -> Result<()> {
        let least = self.options.min_length.unwrap_or(1);
        let most = self.options.max_length.unwrap_or(usize::MAX);
        if length < least {
            return Err(Error::invalid(format!(
                "the value has {length} bytes, fewer than {least}: was all of it copied?"
            )));
        }
        if length > most {
            return Err(Error::invalid(format!(
                "the value has {length} bytes, more than {most}"
            )));
        }
        Ok(())
    }

    fn asks(&self) -> Error {
        let instructions = self.instructions().unwrap_or("make one at the issuer");
        Error::invalid(format!(
            "a person brings this credential with `keywheel provide`: {instructions}"
        ))
    }
}

#[async_trait]
impl Issuer for ManualIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Assisted,
            chosen_by: ChosenBy::Person,
            find: Find::None,
            lists_after: Duration::ZERO,
            idempotent_mint: false,
            identifies: false,
            tests: false,
            reversible: false,
            revokes: false,
            activates: false,
            reports_last_use: false,
            sessions: false,
            reuse: false,
            expires: false,
            host_bound: false,
            entropy_bits: None,
        }
    }

    async fn identify(&self, _fields: &Fields) -> Result<Option<CredentialId>> {
        Ok(None)
    }

    async fn propose(&self, _current: Option<&CredentialId>) -> Result<Credential> {
        Err(self.asks())
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        if candidate.is_empty() {
            return Err(Error::invalid("the credential has no field"));
        }
        let mut wanted = self.options.fields.iter();
        if let Some(missing) = wanted.find(|name| candidate.field(name).is_none()) {
            return Err(Error::invalid(format!("the field `{missing}` is missing")));
        }
        for (name, value) in candidate.iter() {
            let text = clean(name, value)?;
            if name == "value" || candidate.len() == 1 {
                self.check(text)?;
            }
        }
        refuse_repeat(candidate, previous)
    }

    async fn mint(&self, _tag: &Tag) -> Result<Credential> {
        Err(self.asks())
    }

    async fn apply(&self, _tag: &Tag, _candidate: &Credential) -> Result<()> {
        Err(self.asks())
    }

    async fn test(&self, _credential: &Credential) -> Result<Liveness> {
        Ok(Liveness::Unknown)
    }

    async fn state(&self, _id: &CredentialId) -> Result<CredentialState> {
        Ok(CredentialState::Unknown)
    }
}

/// Text without what a terminal or a clipboard adds unseen.
fn clean<'a>(name: &str, value: &'a SecretValue) -> Result<&'a str> {
    let text = value
        .expose_secret_str()
        .ok_or_else(|| Error::invalid(format!("field `{name}` is not UTF-8 text")))?;
    if text.is_empty() {
        return Err(Error::invalid(format!("field `{name}` is empty")));
    }
    if text.ends_with(['\n', '\r']) {
        return Err(Error::invalid(format!(
            "field `{name}` ends with a line break, as `echo` adds one: use `printf %s`"
        )));
    }
    if text.trim() != text {
        return Err(Error::invalid(format!(
            "field `{name}` begins or ends with white space: paste it without"
        )));
    }
    Ok(text)
}

fn ensure_possible(options: &ManualOptions, alphabet: Option<&Alphabet>) -> Result<()> {
    if let Some(most) = options.max_length
        && most < options.min_length.unwrap_or(1)
    {
        return Err(Error::invalid("max_length is less than min_length"));
    }
    let prefix = options.prefix.as_ref().map_or(0, String::len);
    if options.max_length.is_some_and(|most| most <= prefix) {
        return Err(Error::invalid("max_length leaves no room after the prefix"));
    }
    let absent = |class: &&Class| alphabet.is_some_and(|alphabet| alphabet.count(**class) == 0);
    match options.require.iter().find(absent) {
        Some(class) => Err(Error::invalid(format!(
            "class `{}` is required, but the alphabet has no such character",
            class.word()
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ManualIssuer, ManualOptions};
    use keywheel_contract::{Fields, Issuer, SecretValue};

    const RULES: &str = "fields = ['value']\nprefix = 'ex-'\nmin_length = 8\nmax_length = 12\nalphabet = 'abcdef012'\n\
                         require = ['digit']\ninstructions = 'make one under Settings'";

    fn issuer() -> ManualIssuer {
        ManualIssuer::new(toml::from_str(RULES).unwrap()).unwrap()
    }

    fn fields(text: &str) -> Fields {
        Fields::single(SecretValue::from(text.to_owned()))
    }

    #[tokio::test]
    async fn each_broken_rule_is_named_and_the_value_is_not() {
        for (text, said) in [
            ("ex-ab1", "copied"),
            ("ex-abcdef0120", "more than"),
            ("xx-abcdef1", "`ex-`"),
            ("ex-abcxyz1", "alphabet"),
            ("ex-abcdef", "`digit`"),
            ("ex-abcd1\n", "line break"),
            ("ex-abcd1\r\n", "line break"),
            (" ex-abcd1", "white space"),
            ("", "empty"),
        ] {
            let error = issuer()
                .check_format(&fields(text), None)
                .await
                .unwrap_err();
            assert!(error.message.contains(said), "{said}: {error}");
            assert!(text.trim().is_empty() || !error.message.contains(text.trim()));
        }
        issuer()
            .check_format(&fields("ex-abcd1"), None)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn the_previous_value_is_refused() {
        let (same, other) = (fields("ex-abcd1"), fields("ex-abcd2"));
        assert!(issuer().check_format(&same, Some(&other)).await.is_ok());
        assert!(issuer().check_format(&same, Some(&same)).await.is_err());
    }

    #[tokio::test]
    async fn a_second_field_is_only_clean_text() {
        let mut both = fields("ex-abcd1");
        both.insert("user", SecretValue::from("App User".to_owned()));
        issuer().check_format(&both, None).await.unwrap();
        both.insert("user", SecretValue::from("app\n".to_owned()));
        assert!(issuer().check_format(&both, None).await.is_err());
    }

    #[test]
    fn options_that_nothing_fits_are_refused() {
        for wrong in [
            "min_length = 5\nmax_length = 4",
            "prefix = 'ex-'\nmax_length = 3",
            "alphabet = 'ab'\nrequire = ['digit']",
            "alphabet = ''",
        ] {
            let options: ManualOptions = toml::from_str(wrong).unwrap();
            assert!(ManualIssuer::new(options).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_instructions_are_shown_and_the_keys_are_the_fields() {
        assert_eq!(issuer().instructions(), Some("make one under Settings"));
        assert!(issuer().asks().message.contains("Settings"));
        let read: toml::Table = toml::from_str(RULES).unwrap();
        let known = |key: &String| ManualOptions::KEYS.contains(&key.as_str());
        assert!(read.len() == ManualOptions::KEYS.len() && read.keys().all(known));
    }
}
