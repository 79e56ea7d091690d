//! Where names and owners of imported secrets come from.

use super::{Finding, Wish};
use std::convert::Infallible;
use std::str::FromStr;

/// Where names and owners come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Names, where a row says none.
    pub name_from: NameFrom,
    /// Owners, where a row says none; without it the inventory's defaults hold.
    pub owner_from: Option<OwnerFrom>,
}

/// Where a name comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NameFrom {
    /// The whole path, its parts joined by `-`.
    #[default]
    Path,
    /// The last part of the path.
    Last,
    /// This tag of the store.
    Tag(String),
}

impl FromStr for NameFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("tag:")) {
            ("path", _) => Ok(Self::Path),
            ("last", _) => Ok(Self::Last),
            (_, Some(key)) if !key.is_empty() => Ok(Self::Tag(key.to_owned())),
            _ => Err("it is `path`, `last` or `tag:KEY`".to_owned()),
        }
    }
}

impl NameFrom {
    /// The name of a secret, before anybody asked whether it can be one.
    pub(super) fn name(&self, wish: &Wish, one_of_many: bool) -> Result<String, Finding> {
        // Of a place that holds many secrets, the field is the last part.
        let field = wish.fields.first().filter(|_| one_of_many);
        let parts = wish.path.split('/').chain(field.map(String::as_str));
        match self {
            Self::Path => Ok(parts.collect::<Vec<_>>().join("-")),
            Self::Last => Ok(parts.last().unwrap_or_default().to_owned()),
            Self::Tag(key) => tag(wish, key),
        }
    }
}

/// Where an owner comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerFrom {
    /// This tag of the store.
    Tag(String),
    /// The same for all.
    Name(String),
}

impl FromStr for OwnerFrom {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let tag = text.strip_prefix("tag:");
        Ok(tag.map_or_else(
            || Self::Name(text.to_owned()),
            |key| Self::Tag(key.to_owned()),
        ))
    }
}

impl OwnerFrom {
    /// The owner of a secret, before anybody asked whether there is such an owner.
    pub(super) fn owner(&self, wish: &Wish) -> Result<String, Finding> {
        match self {
            Self::Tag(key) => tag(wish, key),
            Self::Name(name) => Ok(name.clone()),
        }
    }
}

fn tag(wish: &Wish, key: &str) -> Result<String, Finding> {
    wish.store_tags.get(key).cloned().ok_or_else(|| {
        let help = format!("give it the tag `{key}` in the store");
        Finding::new(&wish.source, format!("it has no tag `{key}`")).help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::{NameFrom, OwnerFrom};
    use crate::inventory::import::Wish;

    fn wish() -> Wish {
        Wish {
            source: "prod/orders/db".to_owned(),
            path: "prod/orders/db".to_owned(),
            fields: vec!["PASSWORD".to_owned()],
            store_tags: [("team".to_owned(), "orders".to_owned())].into(),
            ..Wish::default()
        }
    }

    #[test]
    fn a_name_is_the_path_its_end_or_a_tag() {
        let name = |from: &str, many| {
            let from: NameFrom = from.parse().unwrap();
            from.name(&wish(), many)
        };
        assert_eq!(name("path", false).unwrap(), "prod-orders-db");
        assert_eq!(name("path", true).unwrap(), "prod-orders-db-PASSWORD");
        assert_eq!(name("last", false).unwrap(), "db");
        assert_eq!(name("last", true).unwrap(), "PASSWORD");
        assert_eq!(name("tag:team", false).unwrap(), "orders");
        assert!(
            name("tag:x", false)
                .unwrap_err()
                .problem
                .contains("no tag `x`")
        );
        assert!("first".parse::<NameFrom>().is_err());
        assert!("tag:".parse::<NameFrom>().is_err());
    }

    #[test]
    fn an_owner_is_a_tag_or_the_same_for_all() {
        let owner = |from: &str| {
            let from: OwnerFrom = from.parse().unwrap();
            from.owner(&wish())
        };
        assert_eq!(owner("tag:team").unwrap(), "orders");
        assert_eq!(owner("sre").unwrap(), "sre");
        assert!(owner("tag:squad").is_err());
    }
}
