//! Using a key as a consumer would, and what AWS's answer says of it.

use super::calls::{Calls, Key};
use super::note::Note;
use super::{ID, SECRET};
use crate::refusal::{Effect, blames_our_clock, refusal};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use keywheel_contract::{Credential, CredentialState, Error, Liveness, Result, SecretValue};
use std::time::Duration;

/// What the Security Token Service says of a key.
enum Said {
    /// Accepted, as this ARN.
    Accepted(String),
    /// The key is known and its secret is another one.
    WrongSecret,
    /// No such key, or an inactive one, or one that is not known everywhere yet.
    NotKnown,
    /// Nothing that counts.
    Unclear,
}

/// Asks who the credential is, which needs no right.
///
/// # Errors
/// `Denied`: our clock is off. `Invalid`: it is somebody else's key.
pub(crate) async fn trial(
    calls: &Calls,
    credential: &Credential,
    settles: Duration,
) -> Result<Liveness> {
    let user = &calls.options.user;
    match asked(calls, credential).await? {
        Said::Accepted(arn) if is_user(&arn, user) => Ok(Liveness::Alive),
        Said::Accepted(arn) => Err(Error::invalid(format!(
            "access key {} is that of {arn}, not of the IAM user `{user}`",
            credential.id
        ))),
        Said::WrongSecret => Ok(Liveness::Dead),
        Said::NotKnown => unknown_to_sts(calls, credential.id.as_str(), settles).await,
        Said::Unclear => Ok(Liveness::Unknown),
    }
}

async fn asked(calls: &Calls, credential: &Credential) -> Result<Said> {
    let text = |name: &str| {
        let field = credential.fields.field(name);
        field.and_then(SecretValue::expose_secret_str)
    };
    let (Some(id), Some(secret)) = (text(ID), text(SECRET)) else {
        return Err(Error::invalid(format!(
            "a key to try needs the fields `{ID}` and `{SECRET}`"
        )));
    };
    let who = Credentials::new(id, secret, None, None, "keywheel trial");
    let sts = calls.sts_as(SharedCredentialsProvider::new(who)).await?;
    match sts.get_caller_identity().send().await {
        Ok(seen) => Ok(seen.arn.map_or(Said::Unclear, Said::Accepted)),
        Err(error) => said(&error, credential),
    }
}

fn said(error: &SdkError<GetCallerIdentityError>, credential: &Credential) -> Result<Said> {
    if blames_our_clock(error) {
        let what = format!("trying access key {}", credential.id);
        return Err(refusal(error, &what, Effect::Reads));
    }
    let code = error.as_service_error().and_then(|error| error.code());
    Ok(match code {
        Some("InvalidClientTokenId") => Said::NotKnown,
        Some("SignatureDoesNotMatch") => Said::WrongSecret,
        _ => Said::Unclear,
    })
}

/// A key that was made or made active a moment ago is refused for seconds: that is not death. IAM does not tell when a key
/// was made active, so that one which it lists as active is never dead.
async fn unknown_to_sts(calls: &Calls, id: &str, settles: Duration) -> Result<Liveness> {
    let keys = calls.keys().await?;
    let listed = keys.iter().find(|key| key.id == id);
    let note = match listed {
        Some(_) => None,
        None => calls.note().await?,
    };
    let settles_ms = i64::try_from(settles.as_millis()).unwrap_or(i64::MAX);
    let since_ms = calls.clock.now_ms() - settles_ms;
    Ok(match may_live(id, listed, note.as_ref(), since_ms) {
        true => Liveness::Unknown,
        false => Liveness::Dead,
    })
}

/// Whether the key is active, or made after that and not listed yet: a list may be as late as everything else.
fn may_live(id: &str, listed: Option<&Key>, note: Option<&Note>, since_ms: i64) -> bool {
    match listed {
        Some(key) => key.state != CredentialState::Disabled,
        None => note.is_some_and(|note| note.at_ms > since_ms && !note.knew(id)),
    }
}

/// `arn:aws:iam::ACCOUNT:user/PATH/NAME`.
fn is_user(arn: &str, name: &str) -> bool {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path = resource.strip_prefix("user/");
    path.and_then(|path| path.rsplit('/').next()) == Some(name)
}

#[cfg(test)]
mod tests {
    use super::{Key, Note, is_user, may_live};
    use keywheel_contract::CredentialState::{Active, Disabled};

    #[test]
    fn a_user_is_known_by_the_end_of_its_arn() {
        for (arn, is) in [
            ("arn:aws:iam::123456789012:user/app", true),
            ("arn:aws-cn:iam::123456789012:user/team/app", true),
            ("arn:aws:iam::123456789012:user/app/other", false),
            ("arn:aws:iam::123456789012:root", false),
            ("arn:aws:sts::123456789012:assumed-role/app/app", false),
            ("", false),
        ] {
            assert_eq!(is_user(arn, "app"), is, "{arn}");
        }
    }

    #[test]
    fn what_is_active_or_was_made_lately_may_not_be_known_yet() {
        let key = |state| Key {
            id: "A".to_owned(),
            state,
            made_ms: 50,
        };
        for (key, lives) in [(key(Active), true), (key(Disabled), false)] {
            assert_eq!(may_live("A", Some(&key), None, 100), lives, "{key:?}");
        }
        let note = |at_ms| Note {
            tag: String::new(),
            at_ms,
            before: vec!["OLD".to_owned()],
        };
        assert!(may_live("A", None, Some(&note(200)), 100));
        assert!(!may_live("A", None, Some(&note(50)), 100));
        assert!(!may_live("OLD", None, Some(&note(200)), 100));
        assert!(!may_live("A", None, None, 100));
    }
}
