//! How readers choose a version.

use keywheel_contract::{Error, Result};

/// What readers of a place ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    /// The newest version, as the service counts: also one that is disabled.
    Latest,
    /// Each reader names a number, and is told the next one.
    Pinned,
    /// A name that points to a version.
    Alias(String),
}

impl Selector {
    /// # Errors
    /// `Invalid`: the service would not take it as an alias.
    pub(crate) fn read(text: Option<&str>) -> Result<Self> {
        match text {
            None | Some("latest") => Ok(Self::Latest),
            Some("pinned") => Ok(Self::Pinned),
            Some(alias) if is_alias(alias) => Ok(Self::Alias(alias.to_owned())),
            Some(other) => Err(Error::invalid(format!(
                "`selector` `{}` cannot be used: write `latest`, `pinned` or an alias, which begins with a letter \
                 and has at most 63 letters, digits, `-` and `_`",
                other.escape_default()
            ))),
        }
    }

    /// The word that a place writes.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Latest => "latest",
            Self::Pinned => "pinned",
            Self::Alias(alias) => alias,
        }
    }

    /// The alias, where readers use one.
    pub(crate) fn alias(&self) -> Option<&str> {
        match self {
            Self::Alias(alias) => Some(alias),
            Self::Latest | Self::Pinned => None,
        }
    }
}

/// The service's rule for aliases, which `NEW` and `latest` do not satisfy.
fn is_alias(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.len() <= 63
        && text != "NEW"
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::Selector;

    #[test]
    fn a_number_and_reserved_words_are_no_alias() {
        assert_eq!(Selector::read(None).unwrap(), Selector::Latest);
        assert_eq!(
            Selector::read(Some("current")).unwrap().alias(),
            Some("current")
        );
        for bad in ["", "7", "NEW", "a b", "-a", "é"] {
            assert!(Selector::read(Some(bad)).is_err(), "{bad}");
        }
    }
}
