//! The ways to obtain a token.

use crate::options::{AppRole, LoginOptions, RoleToken};
use crate::transport::{Answer, Transport};
use keywheel_contract::{Error, ErrorKind, Result, SecretValue};
use keywheel_http_client::Effect;
use keywheel_reference::Reference;
use rustify::endpoint::Endpoint;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::token::requests::{LookupTokenSelfRequest, RenewTokenSelfRequest};
use zeroize::Zeroize;

/// Where Kubernetes mounts the token of a pod's service account.
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A token and how long it lives.
pub(crate) struct Granted {
    pub(crate) token: SecretValue,
    /// Seconds from now; none where it does not end.
    pub(crate) seconds: u64,
    pub(crate) renewable: bool,
}

#[derive(Deserialize)]
struct Auth {
    auth: Grant,
}

#[derive(Deserialize)]
struct Grant {
    client_token: String,
    lease_duration: u64,
    renewable: bool,
}

#[derive(Deserialize)]
struct Lookup {
    data: Lifetime,
}

#[derive(Deserialize)]
struct Lifetime {
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}

/// How we log in, and where relative paths count from.
pub(crate) struct Login {
    pub(crate) options: LoginOptions,
    pub(crate) base: PathBuf,
}

impl Login {
    /// Obtains a token. Nothing was changed where it fails.
    pub(crate) async fn enter(&self, transport: &Transport) -> Result<Granted> {
        match &self.options {
            LoginOptions::Token(reference) => self.by_token(transport, reference).await,
            LoginOptions::Approle(role) => self.by_approle(transport, role).await,
            LoginOptions::Kubernetes(role) => self.by_kubernetes(transport, role).await,
            LoginOptions::Jwt(role) => self.by_jwt(transport, role).await,
        }
    }

    /// Lengthens the life of a token.
    pub(crate) async fn renew(transport: &Transport, token: &SecretValue) -> Result<Granted> {
        let endpoint = RenewTokenSelfRequest { increment: None };
        let answer = transport.send(&endpoint, Some(token), Effect::Reads).await;
        granted(&answer?, "renewing our token")
    }

    async fn by_token(&self, transport: &Transport, reference: &Reference) -> Result<Granted> {
        let token = reference.read(&self.base).await?;
        let endpoint = LookupTokenSelfRequest {};
        let answer = transport.send(&endpoint, Some(&token), Effect::Reads);
        let answer = answer.await?;
        let what = format!("looking up the token in {reference}");
        let life = parsed::<Lookup>(&answer, &what)?.data;
        Ok(Granted {
            token,
            seconds: life.ttl,
            renewable: life.renewable,
        })
    }

    async fn by_approle(&self, transport: &Transport, role: &AppRole) -> Result<Granted> {
        let mut endpoint = LoginWithApproleRequest {
            mount: role.mount.clone().unwrap_or_else(|| "approle".to_owned()),
            role_id: text(&role.role_id.read(&self.base).await?),
            secret_id: text(&role.secret_id.read(&self.base).await?),
        };
        let answer = logged_in(transport, &endpoint, "approle").await;
        endpoint.role_id.zeroize();
        endpoint.secret_id.zeroize();
        answer
    }

    async fn by_kubernetes(&self, transport: &Transport, role: &RoleToken) -> Result<Granted> {
        let pod = Reference::File(PathBuf::from(POD_TOKEN));
        let mut endpoint = LoginWithKubernetesRequest {
            mount: role
                .mount
                .clone()
                .unwrap_or_else(|| "kubernetes".to_owned()),
            role: role.role.clone(),
            jwt: text(&role.jwt.as_ref().unwrap_or(&pod).read(&self.base).await?),
        };
        let answer = logged_in(transport, &endpoint, "kubernetes").await;
        endpoint.jwt.zeroize();
        answer
    }

    async fn by_jwt(&self, transport: &Transport, role: &RoleToken) -> Result<Granted> {
        let missing = || Error::invalid("login by `jwt` needs `jwt`");
        let reference = role.jwt.as_ref().ok_or_else(missing)?;
        let mut endpoint = JWTLoginRequest {
            mount: role.mount.clone().unwrap_or_else(|| "jwt".to_owned()),
            role: Some(role.role.clone()),
            jwt: text(&reference.read(&self.base).await?),
        };
        let answer = logged_in(transport, &endpoint, "jwt").await;
        endpoint.jwt.zeroize();
        answer
    }
}

/// References hold text only.
fn text(value: &SecretValue) -> String {
    value.expose_secret_str().unwrap_or_default().to_owned()
}

async fn logged_in<E: Endpoint>(transport: &Transport, endpoint: &E, by: &str) -> Result<Granted> {
    let answer = transport.send(endpoint, None, Effect::Reads).await?;
    granted(&answer, &format!("login by `{by}`"))
}

fn granted(answer: &Answer, what: &str) -> Result<Granted> {
    let grant = parsed::<Auth>(answer, what)?.auth;
    Ok(Granted {
        token: SecretValue::from(grant.client_token),
        seconds: grant.lease_duration,
        renewable: grant.renewable,
    })
}

/// A refused login is a matter of rights, whichever of 400 and 403 the method answers.
fn parsed<T: DeserializeOwned>(answer: &Answer, what: &str) -> Result<T> {
    if answer.is_success() {
        return serde_json::from_slice(&answer.body)
            .map_err(|_| Error::unavailable(format!("{what}: the answer cannot be read")));
    }
    let refusal = answer.refusal(what, Effect::Reads);
    Err(match refusal.kind {
        ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::NotFound => Error::denied(format!(
            "{what}: refused with status {}: the credential is wrong or has ended, or the method is not \
             enabled at that mount",
            answer.status
        )),
        _ => refusal,
    })
}
