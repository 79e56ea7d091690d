//! Server-side apply, and which field manager owns what (pure): the algorithm of kubernetes.io, "Server-Side Apply".

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A field, by the keys that lead to it.
pub(super) type Path = Vec<String>;

/// One field manager with what it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) manager: String,
    pub(super) operation: &'static str,
    pub(super) time: String,
    pub(super) paths: BTreeSet<Path>,
}

/// A field that somebody else owns, with who that is.
pub(super) struct Clash {
    pub(super) path: Path,
    pub(super) manager: String,
}

/// Fields that nobody owns.
fn is_owned(path: &Path) -> bool {
    let text: Vec<&str> = path.iter().map(String::as_str).collect();
    match text[..] {
        ["apiVersion" | "kind" | "status", ..] => false,
        ["metadata", part, ..] => matches!(part, "annotations" | "labels" | "ownerReferences"),
        _ => true,
    }
}

/// Every field with its value. A list is one field.
pub(super) fn leaves(object: &Value) -> Vec<(Path, Value)> {
    let mut found = Vec::new();
    walk(object, &mut Vec::new(), &mut found);
    found.retain(|(path, _)| is_owned(path));
    found
}

fn walk(value: &Value, at: &mut Path, found: &mut Vec<(Path, Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                at.push(key.clone());
                walk(value, at, found);
                at.pop();
            }
        }
        _ => found.push((at.clone(), value.clone())),
    }
}

pub(super) fn at<'a>(object: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, key| value.get(key))
}

pub(super) fn set(object: &mut Value, path: &[String], value: Value) {
    match path {
        [] => *object = value,
        [key, rest @ ..] => {
            if !object.is_object() {
                *object = json!({});
            }
            set(&mut object[key], rest, value);
        }
    }
}

fn remove(object: &mut Value, path: &[String]) {
    match path {
        [] => {}
        [key] => {
            if let Some(fields) = object.as_object_mut() {
                fields.remove(key);
            }
        }
        [key, rest @ ..] => {
            if let Some(inner) = object.get_mut(key) {
                remove(inner, rest);
            }
        }
    }
}

/// Carries out an apply. What the manager owned and no longer names goes, unless somebody else owns it too.
pub(super) fn apply(
    live: &mut Value,
    owners: &mut Vec<Owner>,
    config: &Value,
    manager: &str,
    force: bool,
    now: &str,
) -> Result<(), Vec<Clash>> {
    let wanted = leaves(config);
    let is_this = |one: &Owner| one.manager == manager && one.operation == "Apply";
    let clashes: Vec<Clash> = wanted
        .iter()
        .filter(|(path, value)| at(live, path) != Some(value))
        .flat_map(|(path, _)| {
            let theirs = owners
                .iter()
                .filter(|one| !is_this(one) && one.paths.contains(path));
            theirs.map(|one| Clash {
                path: path.clone(),
                manager: one.manager.clone(),
            })
        })
        .collect();
    if !clashes.is_empty() && !force {
        return Err(clashes);
    }
    for clash in &clashes {
        for one in owners.iter_mut().filter(|one| !is_this(one)) {
            one.paths.remove(&clash.path);
        }
    }
    let paths: BTreeSet<Path> = wanted.iter().map(|(path, _)| path.clone()).collect();
    let before = owners
        .iter()
        .find(|one| is_this(one))
        .map(|one| one.paths.clone());
    for path in before
        .iter()
        .flatten()
        .filter(|path| !paths.contains(*path))
    {
        if !owners
            .iter()
            .any(|one| !is_this(one) && one.paths.contains(path))
        {
            remove(live, path);
        }
    }
    for (path, value) in wanted {
        set(live, &path, value);
    }
    keep(
        owners,
        manager,
        "Apply",
        now,
        before.as_ref() != Some(&paths),
        paths,
    );
    Ok(())
}

/// Records any other write: whoever changed a field owns it alone.
pub(super) fn updated(
    before: &Value,
    after: &Value,
    owners: &mut Vec<Owner>,
    manager: &str,
    now: &str,
) {
    let new = leaves(after);
    let changed: BTreeSet<Path> = new
        .iter()
        .filter(|(path, value)| at(before, path) != Some(value))
        .map(|(path, _)| path.clone())
        .collect();
    let there: BTreeSet<&Path> = new.iter().map(|(path, _)| path).collect();
    for one in owners.iter_mut() {
        one.paths
            .retain(|path| there.contains(path) && !changed.contains(path));
    }
    let is_this = |one: &&Owner| one.manager == manager && one.operation == "Update";
    let mut paths = owners
        .iter()
        .find(is_this)
        .map(|one| one.paths.clone())
        .unwrap_or_default();
    let is_new = !changed.is_empty();
    paths.extend(changed);
    keep(owners, manager, "Update", now, is_new, paths);
}

fn keep(
    owners: &mut Vec<Owner>,
    manager: &str,
    operation: &'static str,
    now: &str,
    is_new: bool,
    paths: BTreeSet<Path>,
) {
    let known = owners
        .iter_mut()
        .find(|one| one.manager == manager && one.operation == operation);
    match known {
        Some(one) => {
            one.paths = paths;
            if is_new {
                now.clone_into(&mut one.time);
            }
        }
        None => owners.push(Owner {
            manager: manager.to_owned(),
            operation,
            time: now.to_owned(),
            paths,
        }),
    }
    owners.retain(|one| !one.paths.is_empty());
}

/// As `metadata.managedFields` says it.
pub(super) fn told(owners: &[Owner], version: &str) -> Value {
    let one = |owner: &Owner| {
        let mut fields = Value::Object(Map::new());
        for path in &owner.paths {
            let path: Vec<String> = path.iter().map(|key| format!("f:{key}")).collect();
            set(&mut fields, &path, json!({}));
        }
        json!({ "manager": owner.manager, "operation": owner.operation, "apiVersion": version, "time": owner.time,
                "fieldsType": "FieldsV1", "fieldsV1": fields })
    };
    owners.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{apply, updated};
    use serde_json::json;

    /// The example of the manual: what one manager sets and another takes, gives up, or shares.
    #[test]
    fn fields_are_owned_taken_and_given_up() {
        let mut live = json!({ "data": {} });
        let mut owners = Vec::new();
        let first = json!({ "data": { "A": "1", "B": "1" } });
        assert!(apply(&mut live, &mut owners, &first, "one", false, "t1").is_ok());
        let taken = json!({ "data": { "A": "2" } });
        let refused = apply(&mut live, &mut owners, &taken, "two", false, "t2");
        assert_eq!(refused.err().unwrap()[0].manager, "one");
        assert_eq!(live["data"]["A"], "1");
        assert!(apply(&mut live, &mut owners, &taken, "two", true, "t2").is_ok());
        assert_eq!(live, json!({ "data": { "A": "2", "B": "1" } }));
        // `one` owns B only, and lets go of it.
        let rest = json!({ "data": { "C": "1" } });
        assert!(apply(&mut live, &mut owners, &rest, "one", false, "t3").is_ok());
        assert_eq!(live, json!({ "data": { "A": "2", "C": "1" } }));
        // Any other write takes what it changes without asking.
        let mut edited = live.clone();
        edited["data"]["A"] = json!("3");
        updated(&live, &edited, &mut owners, "edit", "t4");
        let who: Vec<_> = owners.iter().map(|one| one.manager.as_str()).collect();
        assert_eq!(who, ["one", "edit"]);
    }
}
