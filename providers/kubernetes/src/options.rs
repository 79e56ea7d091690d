//! How a cluster is reached.

use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use reqwest::Url;
use serde::Deserialize;
use std::path::PathBuf;

/// Where a pod finds its token and the authority of its cluster (kubernetes.io, "Accessing the Kubernetes API from a
/// Pod").
const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Options of the store `kubernetes`. None at all: the cluster that this daemon is a pod of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesOptions {
    /// `https://host:port` of the API server; where left out, that of the cluster we run in.
    #[serde(default)]
    pub address: Option<String>,
    /// PEM file of further authorities that may have signed the server's certificate.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A bearer token; where left out, that of the service account of the pod we run in.
    #[serde(default)]
    pub token: Option<Reference>,
}

/// Everything needed to call a cluster.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) origin: Url,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) token: Reference,
}

impl KubernetesOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &["address", "ca_file", "token"];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        match (&self.address, &self.token) {
            (Some(address), Some(_)) => origin(address).map(drop),
            (Some(_), None) => Err(Error::invalid(
                "`address` needs `token`: the token of the pod we run in is for its own cluster only",
            )),
            (None, None) if self.ca_file.is_none() => Ok(()),
            (None, _) => Err(Error::invalid(
                "`token` and `ca_file` need `address`; leave out all three for the cluster we run in",
            )),
        }
    }

    /// How to get there. `variable` tells an environment variable of ours.
    ///
    /// # Errors
    /// `Invalid`: the settings cannot work together, or this is no pod and no address is written.
    pub(crate) fn access(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Access> {
        self.check()?;
        if let (Some(address), Some(token)) = (&self.address, &self.token) {
            return Ok(Access {
                origin: origin(address)?,
                ca_file: self.ca_file.clone(),
                token: token.clone(),
            });
        }
        let host = variable("KUBERNETES_SERVICE_HOST");
        let port = variable("KUBERNETES_SERVICE_PORT");
        let (Some(host), Some(port)) = (host, port) else {
            return Err(Error::invalid(
                "a store `kubernetes` without `address` is the cluster we run in, and this is no pod of one",
            ));
        };
        let host = match host.contains(':') {
            true => format!("[{host}]"),
            false => host,
        };
        Ok(Access {
            origin: origin(&format!("https://{host}:{port}"))?,
            ca_file: Some(PathBuf::from(POD).join("ca.crt")),
            token: Reference::File(PathBuf::from(POD).join("token")),
        })
    }
}

fn origin(address: &str) -> Result<Url> {
    addresses::encrypted_origin("address", address, "https://host:port")
}

#[cfg(test)]
mod tests {
    use super::KubernetesOptions;

    fn options(text: &str) -> KubernetesOptions {
        toml::from_str(text).unwrap()
    }

    const TOKEN: &str = "token = { file = 't' }\n";

    #[test]
    fn a_cluster_is_named_whole_or_is_the_one_we_run_in() {
        let at = |address: &str| format!("{TOKEN}address = '{address}'");
        assert!(options("").check().is_ok());
        assert!(options(&at("https://10.0.0.1:6443")).check().is_ok());
        for (text, words) in [
            (at("http://127.0.0.1:8001"), "not encrypted"),
            (at("https://h/k8s/clusters/c"), "more than"),
            ("address = 'https://h'".to_owned(), "needs `token`"),
            (TOKEN.to_owned(), "need `address`"),
            ("ca_file = 'c'".to_owned(), "need `address`"),
        ] {
            let said = options(&text).check().unwrap_err().message;
            assert!(said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn a_pod_finds_its_cluster() {
        let pod = |name: &str| match name {
            "KUBERNETES_SERVICE_HOST" => Some("fd00::1".to_owned()),
            "KUBERNETES_SERVICE_PORT" => Some("6443".to_owned()),
            _ => None,
        };
        let access = options("").access(pod).unwrap();
        assert_eq!(access.origin.as_str(), "https://[fd00::1]:6443/");
        assert!(access.ca_file.unwrap().ends_with("ca.crt"));
        assert!(access.token.to_string().contains("serviceaccount/token"));
        let refused = options("").access(|_| None).unwrap_err();
        assert!(refused.message.contains("no pod"), "{refused}");
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "address = 'https://h'\nca_file = 'c'\ntoken = { env = 'EXAMPLE' }";
        let read: toml::Table = toml::from_str(all).unwrap();
        let fields: Vec<_> = read.keys().map(String::as_str).collect();
        assert_eq!(fields, KubernetesOptions::KEYS);
        assert!(options(all).check().is_ok());
        assert!(toml::from_str::<KubernetesOptions>("exec = 'x'").is_err());
    }
}
