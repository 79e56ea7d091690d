//! Label selectors, as a query has them (kubernetes.io, "Labels and Selectors").

use serde_json::Value;

/// One demand.
pub(super) enum Demand {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Has(String),
    HasNot(String),
}

/// All demands of a text; `None` where it is none.
pub(super) fn read(text: &str) -> Option<Vec<Demand>> {
    let mut demands = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = match (rest.find('('), rest.find(',')) {
            (Some(open), Some(comma)) if open < comma => rest.find(')')? + 1,
            (_, Some(comma)) => comma,
            _ => rest.len(),
        };
        demands.push(demand(rest[..end].trim())?);
        rest = rest[end..].trim_start_matches([',', ' ']);
    }
    Some(demands)
}

fn demand(text: &str) -> Option<Demand> {
    let list = |text: &str| {
        let inner = text.trim().trim_start_matches('(').trim_end_matches(')');
        inner.split(',').map(|one| one.trim().to_owned()).collect()
    };
    if let Some((key, values)) = text.split_once(" notin ") {
        return Some(Demand::NotIn(key.to_owned(), list(values)));
    }
    if let Some((key, values)) = text.split_once(" in ") {
        return Some(Demand::In(key.to_owned(), list(values)));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Demand::NotIn(key.to_owned(), vec![value.to_owned()]));
    }
    if let Some((key, value)) = text.split_once('=') {
        return Some(Demand::In(
            key.to_owned(),
            vec![value.trim_start_matches('=').to_owned()],
        ));
    }
    match text.strip_prefix('!') {
        Some(key) => Some(Demand::HasNot(key.to_owned())),
        None => Some(Demand::Has(text.to_owned())),
    }
}

pub(super) fn fits(demands: &[Demand], labels: &Value) -> bool {
    let value = |key: &String| labels.get(key).and_then(Value::as_str);
    let among = |key: &String, all: &Vec<String>| {
        value(key).is_some_and(|one| all.iter().any(|some| some == one))
    };
    demands.iter().all(|demand| match demand {
        Demand::In(key, all) => among(key, all),
        Demand::NotIn(key, all) => !among(key, all),
        Demand::Has(key) => value(key).is_some(),
        Demand::HasNot(key) => value(key).is_none(),
    })
}
