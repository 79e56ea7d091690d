//! Who we are: what a credential's text says, as the official library understands it.

use google_cloud_auth::credentials::{Builder, Credentials, external_account, service_account};
use keywheel_contract::{Error, Result, SecretValue};
use serde_json::Value;

/// The credentials that the environment gives: a file named there, gcloud's own, or the machine's.
pub(crate) fn of_environment() -> Result<Credentials> {
    // Its error can quote the file.
    Builder::default().build().map_err(|_| {
        Error::invalid(
            "there are no usable application default credentials: name a file with `credentials`, or let \
             GOOGLE_APPLICATION_CREDENTIALS do it",
        )
    })
}

/// The credentials in a text: a service account's key, or a workload identity.
pub(crate) fn of_text(text: &SecretValue) -> Result<Credentials> {
    let config = parsed(text)?;
    let built = match config["type"].as_str() {
        Some("service_account") => service_account::Builder::new(config).build(),
        Some("external_account") if !config["credential_source"]["executable"].is_null() => {
            return Err(Error::invalid(
                "`credentials` would start a program, which is never done: let its token lie in a file or at a url",
            ));
        }
        Some("external_account") => external_account::Builder::new(config).build(),
        _ => {
            return Err(Error::invalid(
                "`credentials` are neither the key of a service account (`service_account`) nor a workload \
                 identity (`external_account`)",
            ));
        }
    };
    built.map_err(|_| Error::invalid("`credentials` are not complete, or their key cannot be read"))
}

/// Whom a credential's text names, for people.
pub(crate) fn identity(text: &SecretValue) -> Option<String> {
    let config = parsed(text).ok()?;
    let named = |key: &str| config[key].as_str().map(str::to_owned);
    named("client_email").or_else(|| {
        let url = named("service_account_impersonation_url");
        // …/serviceAccounts/EMAIL:generateAccessToken
        let account = url.as_deref().and_then(|url| url.rsplit('/').next());
        let account = account.and_then(|part| part.split(':').next());
        account.map(str::to_owned).or_else(|| named("audience"))
    })
}

/// The parser's own words could quote the key, so that they are not passed on.
fn parsed(text: &SecretValue) -> Result<Value> {
    serde_json::from_slice(text.expose_secret())
        .map_err(|_| Error::invalid("`credentials` are not JSON"))
}

#[cfg(test)]
mod tests {
    use super::{identity, of_text};
    use keywheel_contract::SecretValue;
    use serde_json::json;

    fn text(config: serde_json::Value) -> SecretValue {
        SecretValue::from(config.to_string())
    }

    #[test]
    fn a_credential_that_starts_programs_is_refused() {
        let source = json!({ "executable": { "command": "/bin/example" } });
        let config = json!({
            "type": "external_account", "audience": "//iam.googleapis.com/example",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token", "credential_source": source,
        });
        let error = of_text(&text(config)).err().unwrap();
        assert!(error.message.contains("start a program"), "{error}");
    }

    #[test]
    fn an_error_shows_nothing_of_the_credential() {
        for wrong in [
            "example-secret",
            r#"{"type": "example-secret"}"#,
            r#"{"type": "service_account", "private_key": "example-secret"}"#,
        ] {
            let error = of_text(&SecretValue::from(wrong.to_owned())).err().unwrap();
            assert_eq!(error.word(), "invalid");
            assert!(!error.message.contains("example-secret"), "{error}");
        }
    }

    #[test]
    fn it_is_told_whom_a_credential_names() {
        let account = json!({ "client_email": "keywheel@example.iam.gserviceaccount.com" });
        assert_eq!(
            identity(&text(account)).unwrap(),
            "keywheel@example.iam.gserviceaccount.com"
        );
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\
                   k@example.iam.gserviceaccount.com:generateAccessToken";
        let federated = json!({ "audience": "a", "service_account_impersonation_url": url });
        assert_eq!(
            identity(&text(federated)).unwrap(),
            "k@example.iam.gserviceaccount.com"
        );
        assert_eq!(identity(&text(json!({ "audience": "a" }))).unwrap(), "a");
    }
}
