//! Issuer `random`: values from the operating system's randomness.
//!
//! Nobody outside the consumers honours such a value. So there is nothing to test, disable or revoke here:
//! `apply` has nobody to tell, a test answers `unknown`, and ending the old value means that the consumers
//! stop accepting it.

mod draw;
mod options;

use self::options::Recipe;
use crate::alphabet::has_required;
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, Style, Tag,
};
pub use options::{Encoding, RandomOptions};
use std::time::Duration;

/// Draws values; see the module's page for what it cannot do.
pub struct RandomIssuer {
    recipe: Recipe,
}

impl RandomIssuer {
    /// An issuer by these options.
    ///
    /// # Errors
    /// `Invalid`: the options are impossible together, or too weak without a reason.
    pub fn new(options: RandomOptions) -> Result<Self> {
        Ok(Self {
            recipe: Recipe::parse(&options)?,
        })
    }

    fn check(&self, text: &str) -> Result<()> {
        let recipe = &self.recipe;
        let drawn = text
            .strip_prefix(recipe.before.as_str())
            .and_then(|rest| rest.strip_suffix(recipe.after.as_str()))
            .ok_or_else(|| Error::invalid("the value does not fit the template"))?;
        if drawn.len() != recipe.length {
            return Err(Error::invalid(format!(
                "the value has {} drawn characters instead of {}",
                drawn.len(),
                recipe.length
            )));
        }
        if !drawn.chars().all(|c| recipe.alphabet.has(c)) {
            return Err(Error::invalid(
                "the value has a character outside the alphabet",
            ));
        }
        has_required(drawn, &recipe.require)
    }
}

#[async_trait]
impl Issuer for RandomIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Generated,
            chosen_by: ChosenBy::Keywheel,
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
            reuse: true,
            expires: false,
            host_bound: false,
            entropy_bits: Some(self.recipe.entropy_bits),
        }
    }

    async fn identify(&self, _fields: &Fields) -> Result<Option<CredentialId>> {
        Ok(None)
    }

    async fn propose(&self, _current: Option<&CredentialId>) -> Result<Credential> {
        Ok(Credential {
            id: CredentialId::new(draw::name()?),
            fields: Fields::single(draw::value(&self.recipe)?),
        })
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let value = candidate
            .field("value")
            .filter(|_| candidate.len() == 1)
            .ok_or_else(|| Error::invalid("the credential is not one field named `value`"))?;
        let text = value
            .expose_secret_str()
            .ok_or_else(|| Error::invalid("the value is not text"))?;
        self.check(text)?;
        refuse_repeat(candidate, previous)
    }

    /// There is nobody to tell: the consumers honour the value as soon as they read it.
    async fn apply(&self, _tag: &Tag, _candidate: &Credential) -> Result<()> {
        Ok(())
    }

    async fn test(&self, _credential: &Credential) -> Result<Liveness> {
        Ok(Liveness::Unknown)
    }

    async fn state(&self, _id: &CredentialId) -> Result<CredentialState> {
        Ok(CredentialState::Unknown)
    }
}

/// A rotation that publishes what was there before changes nothing.
pub(crate) fn refuse_repeat(candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
    if previous.is_some_and(|previous| candidate.matches(previous)) {
        return Err(Error::invalid(
            "the value is the previous one: a rotation needs another",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{RandomIssuer, RandomOptions, draw};
    use crate::alphabet::Class;
    use keywheel_contract::{Fields, Issuer, SecretValue};
    use std::collections::BTreeSet;

    fn issuer() -> RandomIssuer {
        RandomIssuer::new(RandomOptions {
            length: Some(20),
            alphabet: Some("abcdefghijklmnopqrstuvwxyz012345AB".to_owned()),
            require: vec![Class::Upper, Class::Digit],
            template: Some("kw_{random}_x".to_owned()),
            ..RandomOptions::default()
        })
        .unwrap()
    }

    #[tokio::test]
    async fn proposals_fit_their_own_recipe() {
        for _ in 0..200 {
            let made = issuer().propose(None).await.unwrap();
            issuer().check_format(&made.fields, None).await.unwrap();
            assert!(made.id.as_str().starts_with("gen-") && made.id.as_str().len() == 36);
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_by_its_rule() {
        for (text, said) in [
            ("abcdefghijklmnopqr1A", "template"),
            ("kw_abcd1A_x", "drawn characters"),
            ("kw_abcdefghijklmnopqr1Z_x", "alphabet"),
            ("kw_abcdefghijklmnopqr1a_x", "`upper`"),
        ] {
            let fields = Fields::single(SecretValue::from(text.to_owned()));
            let error = issuer().check_format(&fields, None).await.unwrap_err();
            assert!(error.message.contains(said), "{said}: {error}");
        }
    }

    #[test]
    fn every_character_and_no_other_is_drawn() {
        let recipe = super::Recipe::parse(&RandomOptions::default()).unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let value = draw::value(&recipe).unwrap();
            seen.extend(value.expose_secret_str().unwrap().chars());
        }
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            recipe.alphabet.chars()
        );
    }
}
