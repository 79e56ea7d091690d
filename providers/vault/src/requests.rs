//! Requests that `vaultrs` does not have, or only in a form that copies a value where it cannot be wiped.

use keywheel_contract::SecretValue;
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use std::collections::BTreeMap;

/// A new version of a document, if the newest one is still `over`; its answer is the version.
pub(crate) struct WriteVersion<'a> {
    pub(crate) mount: &'a str,
    pub(crate) path: &'a str,
    pub(crate) over: u64,
    pub(crate) payload: &'a SecretValue,
}

impl Endpoint for WriteVersion<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("{}/data/{}", self.mount, self.path)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }

    /// The payload is JSON already; it goes out exactly as it was composed.
    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        let head = format!("{{\"options\":{{\"cas\":{}}},\"data\":", self.over);
        Ok(Some(
            [head.as_bytes(), self.payload.expose_secret(), b"}"].concat(),
        ))
    }
}

/// Sets entries of a path's custom metadata (`None` removes one) and leaves all others.
pub(crate) struct MergeMetadata<'a> {
    pub(crate) mount: &'a str,
    pub(crate) path: &'a str,
    pub(crate) entries: BTreeMap<String, Option<String>>,
}

impl Endpoint for MergeMetadata<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("{}/metadata/{}", self.mount, self.path)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::PATCH
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        let body = serde_json::json!({ "custom_metadata": self.entries });
        Ok(Some(body.to_string().into_bytes()))
    }
}

/// Names of the fields of the newest version, without their values.
pub(crate) struct ReadSubkeys<'a> {
    pub(crate) mount: &'a str,
    pub(crate) path: &'a str,
}

impl Endpoint for ReadSubkeys<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("{}/subkeys/{}", self.mount, self.path)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}

/// What is mounted there, as every token may ask that may use something of it.
pub(crate) struct ReadMount<'a> {
    pub(crate) mount: &'a str,
}

impl Endpoint for ReadMount<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("sys/internal/ui/mounts/{}", self.mount)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}

/// What our token may do at these paths.
pub(crate) struct OwnCapabilities<'a> {
    pub(crate) paths: &'a [String],
}

impl Endpoint for OwnCapabilities<'_> {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "sys/capabilities-self".to_owned()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        let body = serde_json::json!({ "paths": self.paths });
        Ok(Some(body.to_string().into_bytes()))
    }
}

/// How the server is; the form of `vaultrs` does not fit what OpenBao answers.
pub(crate) struct ReadHealth;

impl Endpoint for ReadHealth {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "sys/health".to_owned()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}
