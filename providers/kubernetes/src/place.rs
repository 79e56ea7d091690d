//! Which Secret a place names, and which keys can be ours there (pure).

use keywheel_contract::{Document, Error, Fields, Place, Result, SecretValue};

/// The most that all values of a Secret may have together (kubernetes/api, `core/v1/types.go`, `MaxSecretSize`).
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// A Secret, by the names that the cluster takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Named<'a> {
    /// # Errors
    /// `Invalid`: it is not `namespace/name`.
    pub(crate) fn read(path: &'a str) -> Result<Self> {
        match path.split_once('/') {
            Some((namespace, name)) if is_label(namespace) && is_subdomain(name) => {
                Ok(Self { namespace, name })
            }
            _ => Err(Error::invalid(format!(
                "`{}` names no Secret: write `namespace/name`, both of a to z, digits and `-`",
                path.escape_default()
            ))),
        }
    }

    /// The Secret of a place that can be used.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub(crate) fn of(place: &'a Place) -> Result<Self> {
        if place.selector.is_some() {
            return Err(Error::invalid(
                "store `kubernetes` has no selector: a Secret has one version",
            ));
        }
        if place.fields.is_empty() {
            return Err(Error::invalid(format!(
                "store `kubernetes` needs `fields`: which keys of `{}` are ours",
                place.path
            )));
        }
        place.fields.iter().try_for_each(|key| check_key(key))?;
        Self::read(&place.path)
    }

    /// Where it lies.
    pub(crate) fn url(self) -> String {
        format!("{}/{}", self.folder(), self.name)
    }

    /// Where those of its namespace lie.
    pub(crate) fn folder(self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.namespace)
    }
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A DNS label, as namespaces are named (RFC 1123).
pub(crate) fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = |c: char| c != '-';
    text.len() <= 63 && text.chars().all(fits) && text.starts_with(ends) && text.ends_with(ends)
}

/// DNS labels with dots between them, as almost everything is named.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// As the cluster checks keys (kubernetes/apimachinery, `IsConfigMapKey`).
fn check_key(key: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_key = !key.is_empty() && key.len() <= 253 && key.chars().all(fits);
    if is_key && key != "." && !key.starts_with("..") {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{}` is no key of a Secret: letters, digits, `-`, `_` and `.`",
        key.escape_default()
    )))
}

/// Our keys, as a payload of ours says them.
///
/// # Errors
/// `Invalid`: it has not exactly the keys of the place, or is too large.
pub(crate) fn decode(place: &Place, payload: &SecretValue) -> Result<Fields> {
    match Document::decode(payload, &place.fields)? {
        Document::Fields(fields) => {
            fits(fields.iter().map(|(_, value)| value.len()).sum())?;
            Ok(fields)
        }
        Document::Whole(_) => Err(Error::invalid(
            "store `kubernetes` publishes keys, not one whole value",
        )),
    }
}

/// Whether a Secret can hold so many bytes.
///
/// # Errors
/// `Invalid`: it cannot.
pub(crate) fn fits(bytes: usize) -> Result<()> {
    match bytes <= MAX_BYTES {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "the Secret would have {bytes} bytes; Kubernetes takes {MAX_BYTES}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::Named;
    use keywheel_contract::Place;

    fn place(path: &str, fields: &[&str]) -> Place {
        Place {
            path: path.into(),
            fields: fields.iter().map(|name| (*name).into()).collect(),
            selector: None,
        }
    }

    #[test]
    fn a_place_is_a_secret_and_keys_of_it() {
        let good = place(
            "orders/orders-db.v1",
            &["DATABASE_URL", ".dockerconfigjson"],
        );
        let secret = Named::of(&good).unwrap();
        assert_eq!(
            secret.url(),
            "/api/v1/namespaces/orders/secrets/orders-db.v1"
        );
        for (path, fields) in [
            ("orders/db", &[][..]),
            ("orders", &["A"][..]),
            ("orders/db/A", &["A"][..]),
            ("/db", &["A"][..]),
            ("Orders/db", &["A"][..]),
            ("or.ders/db", &["A"][..]),
            ("orders/../db", &["A"][..]),
            ("orders/-db", &["A"][..]),
            ("orders/db", &["a b"][..]),
            ("orders/db", &["."][..]),
            ("orders/db", &["..a"][..]),
            ("orders/db", &["a,b"][..]),
        ] {
            assert!(
                Named::of(&place(path, fields)).is_err(),
                "{path} {fields:?}"
            );
        }
        let mut selected = place("orders/db", &["A"]);
        selected.selector = Some("latest".into());
        assert!(Named::of(&selected).is_err());
    }
}
