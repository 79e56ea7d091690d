//! How a store `google-secret-manager` is configured.

use crate::selector::Selector;
use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use serde::Deserialize;
use url::Url;

/// Options of the store `google-secret-manager`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleOptions {
    /// The project's id or number.
    pub project: String,
    /// The region of regional secrets; left out for global ones.
    #[serde(default)]
    pub location: Option<String>,
    /// What readers ask for: `latest` (where left out), `pinned`, or an alias. A place may only repeat it.
    #[serde(default)]
    pub selector: Option<String>,
    /// Whether the first publish creates a secret that is not there.
    #[serde(default)]
    pub create: bool,
    /// Where a global secret that is created is kept; chosen by the service where empty.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// The key file of a service account, or the configuration of a workload identity; the application default
    /// credentials where left out.
    #[serde(default)]
    pub credentials: Option<Reference>,
    /// `https://host` instead of the service's own; `http://` only on this machine, without any credentials.
    #[serde(default)]
    pub endpoint: Option<String>,
}

impl GoogleOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "project",
        "location",
        "selector",
        "create",
        "replicas",
        "credentials",
        "endpoint",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        plain("project", &self.project, "-.:")?;
        for location in self.location.iter().chain(&self.replicas) {
            plain("location", location, "-")?;
        }
        Selector::read(self.selector.as_deref())?;
        if !self.replicas.is_empty() && (!self.create || self.location.is_some()) {
            return Err(Error::invalid(
                "`replicas` says where a global secret is created: it needs `create = true` and no `location`",
            ));
        }
        let plaintext = self.endpoint_url()?.scheme() == "http";
        if plaintext && self.credentials.is_some() {
            return Err(Error::invalid(
                "`credentials` are never sent without encryption: leave them out, or let `endpoint` be https",
            ));
        }
        Ok(())
    }

    /// `projects/P` or `projects/P/locations/L`.
    pub(crate) fn parent(&self) -> String {
        match &self.location {
            None => format!("projects/{}", self.project),
            Some(location) => format!("projects/{}/locations/{location}", self.project),
        }
    }

    /// Where calls go: the global endpoint knows no regional secret, and the other way round.
    pub(crate) fn endpoint_url(&self) -> Result<Url> {
        let own = match &self.location {
            None => "https://secretmanager.googleapis.com".to_owned(),
            Some(location) => format!("https://secretmanager.{location}.rep.googleapis.com"),
        };
        let endpoint = self.endpoint.as_deref().unwrap_or(&own);
        addresses::origin("endpoint", endpoint, "https://host")
    }
}

/// A part of a resource's name that stands for itself.
pub(crate) fn plain(what: &str, text: &str, marks: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    if text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 63
        && text.chars().all(allowed)
        && !text.contains("..")
    {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{what}` `{}` cannot be used: at most 63 letters, digits and `{marks}`",
        text.escape_default()
    )))
}

#[cfg(test)]
mod tests {
    use super::GoogleOptions;

    fn options(more: &str) -> GoogleOptions {
        toml::from_str(&format!("project = 'example'\n{more}")).unwrap()
    }

    #[test]
    fn each_region_has_its_endpoint() {
        let own = |more: &str| options(more).endpoint_url().unwrap().to_string();
        assert_eq!(own(""), "https://secretmanager.googleapis.com/");
        let regional = own("location = 'europe-west3'");
        assert_eq!(
            regional,
            "https://secretmanager.europe-west3.rep.googleapis.com/"
        );
        assert_eq!(
            options("location = 'europe-west3'").parent(),
            "projects/example/locations/europe-west3"
        );
    }

    #[test]
    fn what_cannot_work_together_is_refused() {
        for good in [
            "",
            "endpoint = 'http://127.0.0.1:1'",
            "endpoint = 'https://private.example.com'\ncredentials = { file = 'a' }",
            "create = true\nreplicas = ['europe-west3', 'europe-west4']",
            "selector = 'current'",
        ] {
            assert!(options(good).check().is_ok(), "{good}");
        }
        for bad in [
            "endpoint = 'http://example.com'",
            "endpoint = 'http://127.0.0.1:1'\ncredentials = { file = 'a' }",
            "replicas = ['europe-west3']",
            "create = true\nlocation = 'a'\nreplicas = ['b']",
            "selector = '7'",
            "location = 'a/b'",
            "location = 'a.b'",
            "location = '-a'",
        ] {
            assert!(options(bad).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "location = 'l'\nselector = 's'\ncreate = true\nreplicas = []\n\
                   credentials = { file = 'c' }\nendpoint = 'https://h'";
        let text = format!("project = 'p'\n{all}");
        let read: toml::Table = toml::from_str(&text).unwrap();
        let mut keys = GoogleOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(toml::from_str::<GoogleOptions>(&text).is_ok());
        assert!(toml::from_str::<GoogleOptions>(&format!("{text}\nx = 1")).is_err());
    }
}
