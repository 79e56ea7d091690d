//! Whose secrets a place names (pure).

use crate::names::check_name;
use keywheel_contract::{Error, Place, Result};

/// Whose secrets they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// A repository's: every workflow there may use them.
    Repository { owner: &'a str, name: &'a str },
    /// An environment's of a repository: jobs that name it may use them.
    Environment {
        owner: &'a str,
        repository: &'a str,
        name: &'a str,
    },
    /// An organization's: repositories that it chooses may use them.
    Organization { name: &'a str },
}

const FORMS: &str = "write `owner/repository`, `owner/repository/environments/NAME` or `orgs/NAME`";

impl<'a> Owner<'a> {
    /// # Errors
    /// `Invalid`: the path has none of the three forms.
    pub(crate) fn named(path: &'a str) -> Result<Self> {
        let wrong = || {
            let path = path.escape_default();
            Error::invalid(format!("`{path}` names no secrets of Actions: {FORMS}"))
        };
        let mut parts = path.splitn(4, '/');
        let first = parts.next().filter(|part| is_account(part));
        let (first, second) = (first.ok_or_else(wrong)?, parts.next().unwrap_or_default());
        match (first, parts.next(), parts.next()) {
            // No account can have this name.
            ("orgs", None, None) if is_account(second) => Ok(Self::Organization { name: second }),
            ("orgs", ..) => Err(wrong()),
            (owner, None, None) if is_repository(second) => Ok(Self::Repository {
                owner,
                name: second,
            }),
            (owner, Some("environments"), Some(name))
                if is_repository(second) && is_environment(name) =>
            {
                Ok(Self::Environment {
                    owner,
                    repository: second,
                    name,
                })
            }
            _ => Err(wrong()),
        }
    }

    /// Of a place that can be used.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub(crate) fn of(place: &'a Place) -> Result<Self> {
        if place.selector.is_some() {
            return Err(Error::invalid(
                "store `github-actions` has no selector: a secret has one version",
            ));
        }
        if place.fields.is_empty() {
            return Err(Error::invalid(format!(
                "store `github-actions` needs `fields`: which secrets of `{}` are ours",
                place.path
            )));
        }
        place.fields.iter().try_for_each(|name| check_name(name))?;
        Self::named(&place.path)
    }

    /// The parts of the path that its secrets lie below.
    pub(crate) fn segments(self) -> Vec<&'a str> {
        match self {
            Self::Repository { owner, name } => vec!["repos", owner, name, "actions", "secrets"],
            Self::Environment {
                owner,
                repository,
                name,
            } => vec!["repos", owner, repository, "environments", name, "secrets"],
            Self::Organization { name } => vec!["orgs", name, "actions", "secrets"],
        }
    }
}

fn is_account(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

fn is_repository(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !matches!(text, "" | "." | "..") && text.chars().all(plain)
}

/// Any text: it is encoded where it stands in a path. Points alone would not survive that.
fn is_environment(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::Owner;
    use keywheel_contract::Place;

    #[test]
    fn three_forms_are_known() {
        for (path, segments) in [
            ("octo-org/a.b_c", "repos octo-org a.b_c actions secrets"),
            (
                "o/r/environments/prod eu/blue",
                "repos o r environments prod eu/blue secrets",
            ),
            ("orgs/octo-org", "orgs octo-org actions secrets"),
        ] {
            assert_eq!(Owner::named(path).unwrap().segments().join(" "), segments);
        }
        for bad in [
            "",
            "o",
            "o/",
            "/r",
            "o/..",
            "o/r/x",
            "o/r/secrets/A",
            "o/r/environments",
            "o/r/environments/",
            "o/r/environments/..",
            "orgs/",
            "orgs/a/b",
            "orgs/a.b",
            "o p/r",
            "https://github.com/o/r",
        ] {
            let refused = Owner::named(bad).unwrap_err();
            assert!(
                refused.message.contains("owner/repository"),
                "{bad}: {refused}"
            );
        }
    }

    #[test]
    fn a_place_names_secrets_and_no_version() {
        let place = |fields: &[&str], selector: Option<&str>| Place {
            path: "o/r".into(),
            fields: fields.iter().map(|name| (*name).into()).collect(),
            selector: selector.map(str::to_owned),
        };
        assert!(Owner::of(&place(&["TOKEN"], None)).is_ok());
        for (fields, selector) in [
            (&[][..], None),
            (&["token"][..], None),
            (&["GITHUB_TOKEN"][..], None),
            (&["TOKEN"][..], Some("latest")),
        ] {
            assert!(Owner::of(&place(fields, selector)).is_err(), "{fields:?}");
        }
    }
}
