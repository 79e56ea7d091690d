//! Answers in the form of Key Vault.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal: status, code, inner code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct No(
    pub(crate) u16,
    pub(crate) &'static str,
    pub(crate) &'static str,
);

impl No {
    pub(crate) const NOT_FOUND: Self = Self(404, "SecretNotFound", "");
    pub(crate) const DISABLED: Self = Self(403, "Forbidden", "SecretDisabled");
    pub(crate) const DENIED: Self = Self(403, "Forbidden", "ForbiddenByRbac");
    pub(crate) const MANAGED: Self = Self(403, "Forbidden", "ForbiddenByPolicy");
    pub(crate) const IN_THE_BIN: Self = Self(409, "Conflict", "ObjectIsDeletedButRecoverable");
    pub(crate) const BAD: Self = Self(400, "BadParameter", "");
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let Self(status, code, inner) = self;
        let mut error = json!({ "code": code, "message": "as the vault would say" });
        if !inner.is_empty() {
            error["innererror"] = json!({ "code": inner });
        }
        let status = StatusCode::from_u16(status).unwrap();
        (status, Json(json!({ "error": error }))).into_response()
    }
}

pub(crate) type Answer = Result<Json<Value>, No>;
