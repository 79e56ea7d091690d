//! Who we are: a token of Entra, obtained anew from the references whenever the SDK asks for one.

use crate::options::{ClientSecret, LoginOptions, ManagedIdentity, WorkloadIdentity};
use crate::refusal::{Answer, throttled};
use crate::transport;
use async_trait::async_trait;
use azure_core::Error;
use azure_core::base64::decode_url_safe;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientMethodOptions, ClientOptions};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId,
};
use keywheel_contract::{Error as Refusal, Result, SecretValue};
use keywheel_http_client::PATIENCE;
use keywheel_reference::Reference;
use reqwest::Url;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the webhook of Azure Kubernetes mounts the token of a pod's service account.
const POD_TOKEN: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// Whom a token speaks for, as it says itself. Nothing here lets anybody in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Claims {
    /// Id of the tenant.
    #[serde(default, rename = "tid")]
    pub(crate) tenant: Option<String>,
    /// Id of the application.
    #[serde(default, rename = "appid", alias = "azp")]
    pub(crate) client_id: Option<String>,
    /// Id that roles are assigned to.
    #[serde(default, rename = "oid")]
    pub(crate) object_id: Option<String>,
}

/// The identity that the options name.
#[derive(Debug)]
pub(crate) struct Identity {
    login: LoginOptions,
    base: PathBuf,
    http: ClientOptions,
    claims: Mutex<Option<Claims>>,
}

impl Identity {
    /// `ca_file` and the references count from `base`.
    ///
    /// # Errors
    /// `Invalid`: `ca_file` cannot be used.
    pub(crate) fn new(
        login: &LoginOptions,
        authority: &Url,
        ca_file: Option<&Path>,
        base: &Path,
    ) -> Result<Self> {
        let http = match login {
            LoginOptions::ManagedIdentity(_) => transport::to_this_machine()?,
            _ => {
                let ca_file = ca_file.map(|file| base.join(file));
                let http = transport::to(authority, ca_file.as_deref(), &Arc::default())?;
                at(http, authority.as_str())
            }
        };
        Ok(Self {
            login: login.clone(),
            base: base.to_owned(),
            http,
            claims: Mutex::default(),
        })
    }

    /// Whom the last token spoke for.
    pub(crate) fn claims(&self) -> Option<Claims> {
        let claims = self.claims.lock();
        claims.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn obtain(&self, scopes: &[&str]) -> Result<AccessToken> {
        let credential = self.credential().await?;
        // The SDK asks a machine for its identity again and again, for longer than anybody here waits.
        let asked = tokio::time::timeout(PATIENCE, credential.get_token(scopes, None)).await;
        let asked = asked
            .map_err(|_| Refusal::unavailable(format!("{} gets no answer in time", self.name())))?;
        asked.map_err(|error| self.refused(&error))
    }

    async fn credential(&self) -> Result<Arc<dyn TokenCredential>> {
        match &self.login {
            LoginOptions::ManagedIdentity(identity) => self.managed(identity),
            LoginOptions::WorkloadIdentity(identity) => self.federated(identity).await,
            LoginOptions::ClientSecret(client) => self.by_secret(client).await,
        }
    }

    fn managed(&self, identity: &ManagedIdentity) -> Result<Arc<dyn TokenCredential>> {
        let client = identity.client_id.clone().map(UserAssignedId::ClientId);
        let object = identity.object_id.clone().map(UserAssignedId::ObjectId);
        let resource = identity.resource_id.clone().map(UserAssignedId::ResourceId);
        let options = ManagedIdentityCredentialOptions {
            user_assigned_id: client.or(object).or(resource),
            client_options: self.http.clone(),
        };
        let made = ManagedIdentityCredential::new(Some(options)).map_err(|_| {
            Refusal::invalid(
                "login by `managed_identity`: this kind of machine is not supported, or not with a `resource_id`",
            )
        })?;
        Ok(made)
    }

    async fn federated(&self, identity: &WorkloadIdentity) -> Result<Arc<dyn TokenCredential>> {
        let pod = Reference::File(PathBuf::from(POD_TOKEN));
        let token = identity.token.as_ref().unwrap_or(&pod);
        let assertion = Assertion(token.read(&self.base).await?);
        let options = ClientAssertionCredentialOptions {
            client_options: self.http.clone(),
        };
        let (tenant, client_id) = (identity.tenant.clone(), identity.client_id.clone());
        let made = ClientAssertionCredential::new(tenant, client_id, assertion, Some(options));
        Ok(made.map_err(|_| self.unusable())?)
    }

    async fn by_secret(&self, client: &ClientSecret) -> Result<Arc<dyn TokenCredential>> {
        let secret = client.secret.read(&self.base).await?;
        let secret = Secret::new(text(&secret));
        let options = ClientSecretCredentialOptions {
            client_options: self.http.clone(),
        };
        let id = client.client_id.clone();
        let made = ClientSecretCredential::new(&client.tenant, id, secret, Some(options));
        Ok(made.map_err(|_| self.unusable())?)
    }

    fn unusable(&self) -> Refusal {
        Refusal::invalid(format!(
            "{}: `tenant` or `client_id` cannot be used",
            self.name()
        ))
    }

    fn name(&self) -> &'static str {
        match &self.login {
            LoginOptions::ManagedIdentity(_) => "login by `managed_identity`",
            LoginOptions::WorkloadIdentity(_) => "login by `workload_identity`",
            LoginOptions::ClientSecret(_) => "login by `client_secret`",
        }
    }

    /// Why no token came. Entra's own codes are numbers and hold nothing else.
    fn refused(&self, error: &Error) -> Refusal {
        let name = self.name();
        let Some(answer) = Answer::of(error) else {
            return Refusal::unavailable(format!("{name}: no answer that can be read"));
        };
        let digits = |c: char| c.is_ascii_digit() || c == ',';
        let code = match answer.code.as_str() {
            code if !code.is_empty() && code.chars().all(digits) => format!(", AADSTS{code}"),
            _ => String::new(),
        };
        match answer.status {
            429 => throttled(&answer, name),
            400..=403 => Refusal::denied(format!(
                "{name}: refused with status {}{code}: {}",
                answer.status,
                self.likely()
            )),
            status => Refusal::unavailable(format!("{name}: failed with status {status}{code}")),
        }
    }

    fn likely(&self) -> &'static str {
        match &self.login {
            LoginOptions::ManagedIdentity(_) => {
                "this machine has no such identity: assign it, or mend its id"
            }
            LoginOptions::WorkloadIdentity(_) => {
                "the application trusts no such token, or the token or `tenant` or `client_id` is wrong"
            }
            LoginOptions::ClientSecret(_) => {
                "the secret is wrong or has expired, or `tenant` or `client_id` is wrong"
            }
        }
    }
}

#[async_trait]
impl TokenCredential for Identity {
    /// Asked once for each token: the SDK keeps it until shortly before its end, or until the vault refuses it.
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let token = self.obtain(scopes).await;
        let token = token.map_err(|refusal| Error::new(ErrorKind::Credential, refusal))?;
        let claims = claims_of(token.token.secret());
        *self.claims.lock().unwrap_or_else(PoisonError::into_inner) = claims;
        Ok(token)
    }
}

/// A token of another issuer.
struct Assertion(SecretValue);

impl std::fmt::Debug for Assertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Assertion")
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(
        &self,
        _options: Option<ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        Ok(text(&self.0))
    }
}

/// References hold text only.
fn text(value: &SecretValue) -> String {
    value.expose_secret_str().unwrap_or_default().to_owned()
}

/// The SDK's own choice of host would follow the environment; ours is what the options say.
fn at(http: ClientOptions, authority: &str) -> ClientOptions {
    let mut custom = CustomConfiguration::default();
    authority.clone_into(&mut custom.authority_host);
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
        ..http
    }
}

/// What a token says of itself; none where it is not of the usual form.
fn claims_of(token: &str) -> Option<Claims> {
    let middle = token.split('.').nth(1)?;
    let bytes = decode_url_safe(middle).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{Identity, ManagedIdentity, claims_of};
    use crate::options::LoginOptions;
    use async_trait::async_trait;
    use azure_core::base64::encode_url_safe;
    use azure_core::credentials::TokenCredential as _;
    use azure_core::http::headers::Headers;
    use azure_core::http::{
        AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport,
    };
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    /// The metadata service of a machine, which no test can call.
    #[derive(Debug, Default)]
    struct Machine(Mutex<Vec<String>>);

    #[async_trait]
    impl HttpClient for Machine {
        async fn execute_request(&self, asked: &Request) -> azure_core::Result<AsyncRawResponse> {
            let url = asked.url().to_string();
            let known = !url.contains("client_id=stranger");
            self.0.lock().unwrap().push(url);
            let (status, body) = match known {
                true => (StatusCode::Ok, token()),
                false => (StatusCode::BadRequest, String::new()),
            };
            Ok(AsyncRawResponse::from_bytes(status, Headers::new(), body))
        }
    }

    fn token() -> String {
        let middle = encode_url_safe(r#"{"tid":"t","appid":"c","oid":"o","roles":["x"]}"#);
        format!(
            r#"{{"access_token":"e30.{middle}.sig","expires_on":"4100000000","token_type":"Bearer","resource":"r"}}"#
        )
    }

    fn identity(machine: &Arc<Machine>, managed: ManagedIdentity) -> Identity {
        let http = ClientOptions {
            transport: Some(Transport::new(machine.clone())),
            ..ClientOptions::default()
        };
        Identity {
            login: LoginOptions::ManagedIdentity(managed),
            base: PathBuf::new(),
            http,
            claims: Mutex::default(),
        }
    }

    #[tokio::test]
    async fn a_machine_is_asked_for_the_identity_that_is_named() {
        let machine = Arc::new(Machine::default());
        let of = |id: &str| ManagedIdentity {
            client_id: Some(id.to_owned()),
            ..ManagedIdentity::default()
        };
        let scopes = ["https://vault.azure.net/.default"];
        let known = identity(&machine, of("c"));
        assert!(known.get_token(&scopes, None).await.is_ok());
        assert_eq!(known.claims().unwrap().object_id.as_deref(), Some("o"));
        let system = identity(&machine, ManagedIdentity::default());
        assert!(system.get_token(&scopes, None).await.is_ok());
        let stranger = identity(&machine, of("stranger"));
        let refusal = stranger.obtain(&scopes).await.err().unwrap();
        assert_eq!(refusal.word(), "denied");
        let asked = machine.0.lock().unwrap();
        assert!(asked[0].starts_with("http://169.254.169.254/metadata/identity/"));
        assert!(asked[0].contains("client_id=c") && asked[0].contains("vault.azure.net"));
        assert!(!asked[1].contains("client_id"), "{}", asked[1]);
    }

    #[test]
    fn a_token_that_is_opaque_says_nothing() {
        assert_eq!(claims_of("opaque"), None);
    }
}
