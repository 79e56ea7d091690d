//! Who else writes a Secret: owners, marks of controllers, and the field managers that the cluster keeps (pure).

use crate::secret::Meta;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Our field manager.
pub(crate) const MANAGER: &str = "keywheel";

/// Marks that a controller leaves on a Secret whose content it writes, and who that is. Each from the sources or the
/// manual of its project.
const MARKS: &[(&str, &str)] = &[
    ("cert-manager.io/certificate-name", "cert-manager"),
    ("meta.helm.sh/release-name", "Helm"),
    (
        "reconcile.external-secrets.io/data-hash",
        "External Secrets",
    ),
    ("reconcile.external-secrets.io/managed", "External Secrets"),
    ("reflector.v1.k8s.emberstack.com/reflects", "Reflector"),
    ("sealedsecrets.bitnami.com/managed", "Sealed Secrets"),
    (
        "secrets-store.csi.k8s.io/managed",
        "Secrets Store CSI Driver",
    ),
];

/// Marks of tools that carry the cluster back to what a repository says: they may or may not write the content.
const TRACKERS: &[(&str, &str)] = &[
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
];

/// By which tools say that they manage a thing (kubernetes.io, "Recommended Labels").
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// One field manager, as the cluster lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manager {
    #[serde(default)]
    pub(crate) manager: String,
    #[serde(default)]
    pub(crate) operation: String,
    #[serde(default)]
    pub(crate) time: Option<String>,
    #[serde(default)]
    fields_v1: Map<String, Value>,
}

impl Manager {
    /// Whether it owns this key of `data`.
    pub(crate) fn owns(&self, key: &str) -> bool {
        let data = self.fields_v1.get("f:data").and_then(Value::as_object);
        data.is_some_and(|data| data.contains_key(&format!("f:{key}")))
    }

    /// Every key of `data` that it owns.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let data = self.fields_v1.get("f:data").and_then(Value::as_object);
        let keys = data.into_iter().flat_map(Map::keys);
        keys.filter_map(|key| key.strip_prefix("f:"))
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.manager == MANAGER
    }
}

/// Who writes this Secret in place of us, if anybody says so.
pub(crate) fn managed_by(meta: &Meta, kind: &str) -> Option<String> {
    if let Some(owner) = meta.owner_references.first() {
        return Some(format!("its owner, {} {}", owner.kind, owner.name));
    }
    match kind {
        "helm.sh/release.v1" => return Some("Helm".to_owned()),
        "kubernetes.io/service-account-token" => {
            return Some("the cluster, for it is a service account's token".to_owned());
        }
        _ => {}
    }
    let marked = MARKS.iter().find(|(mark, _)| meta.has(mark));
    if let Some((mark, who)) = marked {
        return Some(format!("{who} (`{mark}`)"));
    }
    let label = meta.labels.get(MANAGED_BY)?;
    (label != MANAGER).then(|| format!("{label} (`{MANAGED_BY}`)"))
}

/// Facts that a person should know before the first write.
pub(crate) fn warnings(meta: &Meta, keys: &[String], about: &str) -> Vec<String> {
    let tracked = TRACKERS.iter().filter(|(mark, _)| meta.has(mark));
    let tracked = tracked.map(|(mark, who)| {
        format!("{who} tracks {about} (`{mark}`): have it ignore our keys, or it puts back what its repository says")
    });
    let applied = meta.managed_fields.iter().filter(|one| {
        let owns = keys.iter().any(|key| one.owns(key));
        owns && !one.is_ours() && one.operation == "Apply"
    });
    let applied = applied.map(|one| {
        let who = one.manager.escape_default();
        format!("`{who}` applies keys of ours in {about}: take them out of what it applies, or it writes over them")
    });
    let remembers = meta.remembers(keys).then(|| {
        format!(
            "`{}` of {about} holds a copy of an old value, which anybody reads who reads the Secret: take the \
             annotation away",
            crate::secret::LAST_APPLIED
        )
    });
    tracked.chain(applied).chain(remembers).collect()
}

/// Who wrote one of these keys last, other than us: for the message of a conflict.
pub(crate) fn last_stranger(managers: &[Manager], keys: &[String]) -> String {
    let theirs = managers.iter().filter(|one| {
        let owns = keys.iter().any(|key| one.owns(key));
        owns && !one.is_ours()
    });
    match theirs.max_by(|a, b| a.time.cmp(&b.time)) {
        Some(one) => {
            let at = one.time.as_deref().unwrap_or("an unknown time");
            format!(": `{}` at {at}", one.manager.escape_default())
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{last_stranger, managed_by, warnings};
    use crate::secret::Meta;
    use serde_json::{Value, json};

    fn meta(told: Value) -> Meta {
        let mut whole = json!({ "uid": "u", "resourceVersion": "1" });
        for (key, value) in told.as_object().unwrap() {
            whole[key] = value.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    fn manager(name: &str, operation: &str, time: &str, key: &str) -> Value {
        let key = format!("f:{key}");
        json!({ "manager": name, "operation": operation, "time": time,
                "fieldsV1": { "f:data": { ".": {}, key: {} }, "f:type": {} } })
    }

    #[test]
    fn who_writes_a_secret_in_place_of_us_is_named() {
        let owner = json!([{ "kind": "ExternalSecret", "name": "db", "controller": true }]);
        let release = json!({ "meta.helm.sh/release-name": "shop" });
        for (told, kind, words) in [
            (
                json!({ "ownerReferences": owner }),
                "Opaque",
                "ExternalSecret db",
            ),
            (json!({ "annotations": release }), "Opaque", "Helm"),
            (json!({}), "helm.sh/release.v1", "Helm"),
            (
                json!({}),
                "kubernetes.io/service-account-token",
                "service account",
            ),
            (
                json!({ "labels": { "app.kubernetes.io/managed-by": "Helm" } }),
                "Opaque",
                "Helm (`app.kubernetes.io/managed-by`)",
            ),
            (
                json!({ "annotations": { "sealedsecrets.bitnami.com/managed": "true" } }),
                "Opaque",
                "Sealed Secrets",
            ),
        ] {
            let by = managed_by(&meta(told), kind).unwrap();
            assert!(by.contains(words), "{by}");
        }
        let ours = json!({ "labels": { "app.kubernetes.io/managed-by": "keywheel", "app": "x" } });
        assert_eq!(managed_by(&meta(ours), "Opaque"), None);
    }

    #[test]
    fn strangers_are_named_by_their_last_write_to_our_keys() {
        let told = json!({ "managedFields": [
            manager("kubectl-create", "Update", "2026-01-01T00:00:00Z", "A"),
            manager("kubectl-edit", "Update", "2026-01-02T00:00:00Z", "A"),
            manager("keywheel", "Apply", "2026-01-03T00:00:00Z", "A"),
            manager("other", "Update", "2026-01-04T00:00:00Z", "B"),
        ] });
        let meta = meta(told);
        let said = last_stranger(&meta.managed_fields, &["A".to_owned()]);
        assert_eq!(said, ": `kubectl-edit` at 2026-01-02T00:00:00Z");
        assert_eq!(last_stranger(&meta.managed_fields, &["C".to_owned()]), "");
    }

    #[test]
    fn what_would_write_over_us_or_remembers_is_told() {
        let copy = r#"{"data":{"A":"ZXhhbXBsZQ=="},"kind":"Secret"}"#;
        let told = json!({
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": copy,
                             "argocd.argoproj.io/tracking-id": "shop" },
            "managedFields": [manager("flux", "Apply", "2026-01-01T00:00:00Z", "A")],
        });
        let meta = meta(told);
        let said = warnings(&meta, &["A".to_owned()], "orders/db");
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(!said.join("").contains("ZXhh"));
        let other = warnings(&meta, &["B".to_owned()], "orders/db");
        assert_eq!(other.len(), 1, "{other:?}");
    }
}
