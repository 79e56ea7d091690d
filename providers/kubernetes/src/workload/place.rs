//! Which workload an entry names (pure).

use crate::place::{is_label, is_subdomain};
use keywheel_contract::{Error, Result};

/// What kind of thing keeps the pods running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet];

    /// As an entry writes it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
        }
    }

    /// As the API names them.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
        }
    }
}

/// One workload: `namespace/kind/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) namespace: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl Named {
    /// # Errors
    /// `Invalid`: it is written in another way.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let kind = |word: &str| Kind::ALL.into_iter().find(|kind| kind.word() == word);
        let named = match parts[..] {
            [namespace, word, name] if is_label(namespace) && is_subdomain(name) => {
                kind(word).map(|kind| Self {
                    namespace: namespace.to_owned(),
                    kind,
                    name: name.to_owned(),
                })
            }
            _ => None,
        };
        named.ok_or_else(|| {
            Error::invalid(format!(
                "`{}` names no workload: write `namespace/deployment/name`, or `statefulset` or `daemonset` in the \
                 middle",
                text.escape_default()
            ))
        })
    }

    /// Where it lies.
    pub(crate) fn url(&self) -> String {
        let Self {
            namespace,
            kind,
            name,
        } = self;
        format!(
            "/apis/apps/v1/namespaces/{namespace}/{}/{name}",
            kind.resource()
        )
    }

    /// Where its pods lie.
    pub(crate) fn pods(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace)
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind.word(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Named;

    #[test]
    fn a_workload_is_a_namespace_a_kind_and_a_name() {
        let api = Named::read("orders/deployment/api").unwrap();
        assert_eq!(api.url(), "/apis/apps/v1/namespaces/orders/deployments/api");
        assert_eq!(api.to_string(), "orders/deployment/api");
        for wrong in [
            "",
            "orders/api",
            "orders/pod/api",
            "orders/Deployment/api",
            "orders/deployment/api/x",
            "orders/deployment/../secrets",
            "/deployment/api",
        ] {
            assert!(Named::read(wrong).is_err(), "{wrong}");
        }
    }
}
