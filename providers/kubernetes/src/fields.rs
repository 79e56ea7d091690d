//! The bodies that write a Secret: our keys, and what else we own there (pure).

use crate::managed::MANAGER;
use crate::mark::{PUBLISHED, Published};
use crate::place::Named;
use crate::secret::Standing;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywheel_contract::{Error, Fields, Result, SecretValue};
use serde::Serialize;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The parameter of every write: who owns what is in it.
pub(crate) const OWNER: (&str, &str) = ("fieldManager", MANAGER);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    of: Option<&'static str>,
    data: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    namespace: &'a str,
    name: &'a str,
    /// With the one below: only over exactly what we saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'a str>,
    annotations: BTreeMap<&'static str, &'a str>,
}

/// What a write of our keys sends. Over a Secret that stands there: also the keys that other entries of ours published
/// to it, as they are, for what an apply leaves out of what its manager owns is deleted (kubernetes.io, "Server-Side
/// Apply").
///
/// # Errors
/// `Invalid`: it cannot be written as JSON.
pub(crate) fn body(
    named: Named<'_>,
    seen: Option<&Standing>,
    sent: &Fields,
    marks: &Published,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut values = seen.map(owned).unwrap_or_default();
    values.extend(sent.iter());
    let encoded: BTreeMap<&str, Zeroizing<String>> = values
        .into_iter()
        .map(|(key, value)| (key, encode(value)))
        .collect();
    let marks = marks.text();
    let body = Body {
        api_version: "v1",
        kind: "Secret",
        metadata: Metadata {
            namespace: named.namespace,
            name: named.name,
            uid: seen.map(|seen| seen.metadata.uid.as_str()),
            resource_version: seen.map(|seen| seen.metadata.resource_version.as_str()),
            annotations: BTreeMap::from([(PUBLISHED, marks.as_str())]),
        },
        of: seen.is_none().then_some("Opaque"),
        data: encoded
            .iter()
            .map(|(key, text)| (*key, text.as_str()))
            .collect(),
    };
    let texts: usize = body
        .data
        .iter()
        .map(|(key, text)| key.len() + text.len() + 8)
        .sum();
    // Room for everything first: a buffer that grows would leave parts of it behind in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(texts + 2 * marks.len() + 4096));
    serde_json::to_writer(&mut *bytes, &body)
        .map_err(|_| Error::invalid("our keys cannot be written as JSON"))?;
    Ok(bytes)
}

/// The keys that are ours by the cluster's own account.
fn owned(standing: &Standing) -> BTreeMap<&str, &SecretValue> {
    let managers = standing.metadata.managed_fields.iter();
    let keys = managers
        .filter(|one| one.is_ours())
        .flat_map(|one| one.keys());
    keys.filter_map(|key| Some((key, standing.value(key)?)))
        .collect()
}

fn encode(value: &SecretValue) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(value.len().div_ceil(3) * 4));
    STANDARD.encode_string(value.expose_secret(), &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::body;
    use crate::mark::Published;
    use crate::place::Named;
    use keywheel_contract::{Fields, SecretValue};
    use serde_json::{Value, json};

    #[test]
    fn a_write_names_what_it_replaces_and_keeps_what_else_is_ours() {
        let named = Named::read("orders/db").unwrap();
        let sent: Fields = [("A".to_owned(), SecretValue::from("example".to_owned()))]
            .into_iter()
            .collect();
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let first = body(named, None, &sent, &Published::default()).unwrap();
        assert!(first.len() < first.capacity());
        let first = read(&first);
        assert_eq!(
            (&first["type"], &first["metadata"]["uid"]),
            (&json!("Opaque"), &Value::Null)
        );
        let told = json!({
            "metadata": { "uid": "u", "resourceVersion": "7", "managedFields": [
                { "manager": "keywheel", "operation": "Apply",
                  "fieldsV1": { "f:data": { "f:A": {}, "f:B": {}, "f:GONE": {} } } },
                { "manager": "kubectl", "operation": "Update", "fieldsV1": { "f:data": { "f:C": {} } } },
            ] },
            "data": { "A": "b2xk", "B": "dGhlaXJz", "C": "c3RyYW5nZXI=" },
        });
        let seen = serde_json::from_value(told).unwrap();
        let second = read(&body(named, Some(&seen), &sent, &Published::default()).unwrap());
        assert_eq!(
            second["data"],
            json!({ "A": "ZXhhbXBsZQ==", "B": "dGhlaXJz" })
        );
        let meta = &second["metadata"];
        assert_eq!(
            (&meta["uid"], &meta["resourceVersion"]),
            (&json!("u"), &json!("7"))
        );
        assert_eq!(second["type"], Value::Null);
    }
}
