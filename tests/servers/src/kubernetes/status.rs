//! Refusals, as the API server words them.

use super::owners::Clash;
use serde_json::{Value, json};

/// A status with its body.
pub(super) struct Refusal {
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    details: Value,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: json!({}),
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(super) fn forbidden(
        user: &str,
        verb: &str,
        resource: &str,
        group: &str,
        namespace: &str,
        name: &str,
    ) -> Self {
        let name = if name.is_empty() {
            String::new()
        } else {
            format!(" \"{name}\"")
        };
        let place = match namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace \"{namespace}\""),
        };
        let message = format!(
            "{resource}{name} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}"
        );
        Self::new(403, "Forbidden", message)
    }

    pub(super) fn not_found(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} \"{name}\" not found"))
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    }

    pub(super) fn exists(resource: &str, name: &str) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("{resource} \"{name}\" already exists"),
        )
    }

    pub(super) fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::new(409, "Conflict", message)
    }

    pub(super) fn modified(resource: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    pub(super) fn clashes(clashes: &[Clash]) -> Self {
        let cause = |clash: &Clash| {
            json!({ "reason": "FieldManagerConflict", "field": format!(".{}", clash.path.join(".")),
                    "message": format!("conflict with \"{}\" using v1", clash.manager) })
        };
        let each = |clash: &Clash| {
            format!(
                "conflict with \"{}\" using v1: .{}",
                clash.manager,
                clash.path.join(".")
            )
        };
        let all: Vec<String> = clashes.iter().map(each).collect();
        let count = if all.len() == 1 {
            "1 conflict".to_owned()
        } else {
            format!("{} conflicts", all.len())
        };
        let mut refusal = Self::new(
            409,
            "Conflict",
            format!("Apply failed with {count}: {}", all.join("; ")),
        );
        refusal.details = json!({ "causes": clashes.iter().map(cause).collect::<Vec<_>>() });
        refusal
    }

    pub(super) fn invalid(name: &str, field: &str, why: &str) -> Self {
        let mut refusal = Self::new(
            422,
            "Invalid",
            format!("Secret \"{name}\" is invalid: {field}: {why}"),
        );
        refusal.details = json!({ "name": name, "kind": "Secret",
                                  "causes": [{ "reason": "FieldValueInvalid", "field": field, "message": why }] });
        refusal
    }

    pub(super) fn bad(message: &str) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(super) fn expired() -> Self {
        Self::new(410, "Expired", "The provided continue parameter is too old")
    }

    pub(super) fn wrong_type() -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format",
        )
    }

    pub(super) fn body(&self) -> Value {
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
                "reason": self.reason, "details": self.details, "code": self.code })
    }
}
