//! Which config a place names, and which names and texts can be ours there (pure).

use keywheel_contract::{Document, Error, Fields, Place, Result, SecretValue};

/// The longest text that Linux passes to a program as one variable (`MAX_ARG_STRLEN`, execve(2)): what is larger could
/// not be handed on by `doppler run`.
pub(crate) const MAX_BYTES: usize = 128 * 1024;

/// Names that the service fills itself in every config.
pub(crate) const MANAGED: [&str; 3] = ["DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG"];

/// A config, by the names that the service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config<'a> {
    pub(crate) project: &'a str,
    pub(crate) config: &'a str,
}

impl<'a> Config<'a> {
    /// # Errors
    /// `Invalid`: it is not `project/config`.
    pub(crate) fn named(path: &'a str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = |text: &str| !text.is_empty() && text.chars().all(plain);
        match path.split_once('/') {
            Some((project, config)) if is_name(project) && is_name(config) => {
                Ok(Self { project, config })
            }
            _ => Err(Error::invalid(format!(
                "`{}` names no config: write `project/config`",
                path.escape_default()
            ))),
        }
    }

    /// The config of a place that can be used.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub(crate) fn of(place: &'a Place) -> Result<Self> {
        if place.selector.is_some() {
            return Err(Error::invalid(
                "store `doppler` has no selector: a secret has one version",
            ));
        }
        if place.fields.is_empty() {
            return Err(Error::invalid(format!(
                "store `doppler` needs `fields`: which secrets of `{}` are ours",
                place.path
            )));
        }
        place.fields.iter().try_for_each(|name| check_name(name))?;
        Self::named(&place.path)
    }
}

impl std::fmt::Display for Config<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.project, self.config)
    }
}

fn check_name(name: &str) -> Result<()> {
    if !is_secret(name) {
        return Err(Error::invalid(format!(
            "`{}` is no name of a secret there: A to Z, digits and `_`, and no digit first",
            name.escape_default()
        )));
    }
    if MANAGED.contains(&name) {
        return Err(Error::invalid(format!(
            "`{name}` is filled by Doppler itself"
        )));
    }
    Ok(())
}

/// As the service's manual describes names.
fn is_secret(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(fits)
}

/// Our fields, as a payload of ours says them.
///
/// # Errors
/// `Invalid`: it has not exactly the fields of the place.
pub(crate) fn decode(place: &Place, payload: &SecretValue) -> Result<Fields> {
    match Document::decode(payload, &place.fields)? {
        Document::Fields(fields) => Ok(fields),
        Document::Whole(_) => Err(Error::invalid(
            "store `doppler` publishes secrets by name, not one whole value",
        )),
    }
}

/// Whether consumers would get exactly these texts.
///
/// # Errors
/// `Invalid`: one holds what the service would replace, what no variable can hold, or they are too large.
pub(crate) fn check_texts(fields: &Fields) -> Result<()> {
    for (name, value) in fields.iter() {
        let text = value
            .expose_secret_str()
            .ok_or_else(|| Error::invalid(format!("`{name}` is not UTF-8 text")))?;
        if text.contains('\0') {
            return Err(Error::invalid(format!("`{name}` has a NUL byte")));
        }
        if refers(text) {
            return Err(Error::invalid(format!(
                "`{name}` holds what Doppler reads as a reference to another secret (a name between `${{` and `}}`), \
                 and no way to write that literally is documented: mint another value, without `$`"
            )));
        }
    }
    let bytes: usize = fields.iter().map(|(_, value)| value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(Error::invalid(format!(
            "our secrets have {bytes} bytes; no program could take more than {MAX_BYTES} as variables"
        )));
    }
    Ok(())
}

/// Whether a text holds a reference: `${NAME}`, `${config.NAME}` or `${project.config.NAME}`.
fn refers(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        rest = &rest[at + 2..];
        let inner = rest.split_once('}').map(|(inner, _)| inner);
        let last = inner.and_then(|inner| inner.rsplit('.').next());
        if last.is_some_and(|name| is_secret(name.trim())) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Config, check_texts, refers};
    use keywheel_contract::{Fields, Place, SecretValue};

    fn place(path: &str, fields: &[&str]) -> Place {
        Place {
            path: path.into(),
            fields: fields.iter().map(|name| (*name).into()).collect(),
            selector: None,
        }
    }

    #[test]
    fn a_place_is_a_config_and_names_of_secrets() {
        let good = place("backend/prd_eu", &["TOKEN", "_B2"]);
        let config = Config::of(&good).unwrap();
        assert_eq!((config.project, config.config), ("backend", "prd_eu"));
        for (path, fields) in [
            ("backend/prd", &[][..]),
            ("backend", &["A"][..]),
            ("backend/prd/A", &["A"][..]),
            ("/prd", &["A"][..]),
            ("back end/prd", &["A"][..]),
            ("backend/prd", &["a"][..]),
            ("backend/prd", &["1A"][..]),
            ("backend/prd", &["A.B"][..]),
            ("backend/prd", &["DOPPLER_CONFIG"][..]),
        ] {
            assert!(
                Config::of(&place(path, fields)).is_err(),
                "{path} {fields:?}"
            );
        }
        let mut selected = place("backend/prd", &["A"]);
        selected.selector = Some("latest".into());
        assert!(Config::of(&selected).is_err());
    }

    #[test]
    fn what_would_be_replaced_is_recognised() {
        for text in [
            "${A}",
            "x${ A }",
            "$${A}",
            "${prd.A}",
            "${p-1.prd.A_1}",
            "${x${A}",
        ] {
            assert!(refers(text), "{text}");
        }
        for text in [
            "$A", "${", "${a}", "${}", "$ {A}", "${A", "{A}", "${A.b}", "${1}",
        ] {
            assert!(!refers(text), "{text}");
        }
    }

    #[test]
    fn a_text_that_cannot_arrive_is_refused_without_showing_it() {
        for bytes in [&b"exam${PLE}"[..], b"exam\0ple", b"exam\xffple"] {
            let mut fields = Fields::new();
            fields.insert("A", SecretValue::new(bytes.to_vec()));
            let refused = check_texts(&fields).unwrap_err();
            assert_eq!(refused.word(), "invalid");
            assert!(!refused.message.contains("exam"), "{refused}");
        }
        let mut fields = Fields::new();
        fields.insert("A", SecretValue::new(vec![b'x'; super::MAX_BYTES + 1]));
        assert!(check_texts(&fields).is_err());
    }
}
