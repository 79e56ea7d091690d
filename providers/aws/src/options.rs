//! How a store `aws-secrets-manager` is configured.

use keywheel_contract::{Error, Result};
use keywheel_reference::{Reference, addresses};
use serde::Deserialize;

/// Options of the store `aws-secrets-manager`. Who we are comes from AWS's own chain (environment, profile, web
/// identity, container, instance) unless `access_key` says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsOptions {
    /// Region of the secrets; that of the environment or the profile where left out.
    #[serde(default)]
    pub region: Option<String>,
    /// Profile of the shared configuration files.
    #[serde(default)]
    pub profile: Option<String>,
    /// An access key by reference, instead of AWS's own chain.
    #[serde(default)]
    pub access_key: Option<AccessKey>,
    /// A role to take before anything is called.
    #[serde(default)]
    pub assume_role: Option<AssumeRole>,
    /// Where Secrets Manager is called instead of at its public address: `https://host:port`; `http://` only for this
    /// machine.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The same for the Security Token Service, which says who we are and hands out roles.
    #[serde(default)]
    pub sts_endpoint: Option<String>,
    /// Its secrets are rotated by AWS, and by AWS alone: nothing is ever written there.
    #[serde(default)]
    pub delegate: bool,
}

/// Options of the issuer `aws-rotation`: which secret AWS is to rotate, and as whom it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationOptions {
    /// The secret's name, or its whole ARN.
    pub secret: String,
    /// The store that it lies in.
    pub store: AwsOptions,
}

/// An access key. Each part is a reference, read at each use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// Names the key.
    pub id: Reference,
    /// Proves that we may use it.
    pub secret: Reference,
    /// Belongs to a key that ends by itself.
    #[serde(default)]
    pub session_token: Option<Reference>,
}

/// A role that our identity takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssumeRole {
    /// `arn:aws:iam::ACCOUNT:role/NAME`.
    pub role_arn: String,
    /// What the role's trust policy asks for, where it does.
    #[serde(default)]
    pub external_id: Option<String>,
    /// How the session is named in AWS's log; `keywheel` where left out.
    #[serde(default)]
    pub session_name: Option<String>,
}

impl AwsOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "region",
        "profile",
        "access_key",
        "assume_role",
        "endpoint",
        "sts_endpoint",
        "delegate",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        // It becomes a part of the name of the host that is called.
        if self.region.as_deref().is_some_and(|name| !is_region(name)) {
            return Err(Error::invalid("`region` is no region such as eu-west-1"));
        }
        if self.profile.as_deref().is_some_and(|name| !is_plain(name)) {
            return Err(Error::invalid(
                "`profile` is empty or has a character that no profile has",
            ));
        }
        for (key, address) in [
            ("endpoint", &self.endpoint),
            ("sts_endpoint", &self.sts_endpoint),
        ] {
            if let Some(address) = address {
                addresses::origin(key, address, "https://host:port")?;
            }
        }
        if self.profile.is_some() && self.access_key.is_some() {
            return Err(Error::invalid(
                "`profile` and `access_key` both say who we are: leave one out",
            ));
        }
        self.assume_role.iter().try_for_each(AssumeRole::check)
    }

    /// The account and region whose limits we draw on, as far as the settings tell.
    pub(crate) fn scope(&self) -> String {
        let account = match (&self.assume_role, &self.profile, &self.access_key) {
            (Some(role), ..) => role.account().to_owned(),
            (None, Some(profile), _) => format!("profile {profile}"),
            (None, None, Some(key)) => format!("account of {}", key.id),
            (None, None, None) => "default account".to_owned(),
        };
        let region = self.region.as_deref().unwrap_or("default region");
        format!("{account}/{region}")
    }
}

impl AssumeRole {
    fn check(&self) -> Result<()> {
        let parts: Vec<_> = self.role_arn.splitn(6, ':').collect();
        let is_role = matches!(parts[..], ["arn", _, "iam", "", account, role]
            if account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit())
                && role.starts_with("role/"));
        if !is_role {
            return Err(Error::invalid(
                "`role_arn` is not a role: write it as arn:aws:iam::ACCOUNT:role/NAME",
            ));
        }
        // The rule of the service: 2 to 64 of these characters.
        let named = |name: &String| (2..=64).contains(&name.len()) && is_plain(name);
        match self.session_name.as_ref() {
            Some(name) if !named(name) => Err(Error::invalid(
                "`session_name` takes 2 to 64 letters, digits and the characters _ + = , . @ -",
            )),
            _ => Ok(()),
        }
    }

    fn account(&self) -> &str {
        self.role_arn.split(':').nth(4).unwrap_or_default()
    }
}

fn is_region(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-')
}

fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@- ".contains(c);
    !text.trim().is_empty() && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::AwsOptions;

    fn options(text: &str) -> AwsOptions {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn only_this_machine_is_called_without_encryption() {
        for good in ["https://vpce.example.com", "http://127.0.0.1:8200"] {
            let options = options(&format!("endpoint = '{good}'\nsts_endpoint = '{good}'"));
            assert!(options.check().is_ok(), "{good}");
        }
        for key in ["endpoint", "sts_endpoint"] {
            let bad = options(&format!("{key} = 'http://vpce.example.com'"));
            let refused = bad.check().unwrap_err();
            assert!(refused.message.contains(key), "{refused}");
        }
    }

    #[test]
    fn a_region_is_one_word_of_a_host_s_name() {
        assert!(options("region = 'us-gov-west-1'").check().is_ok());
        for bad in ["", "-a", "a.example.com", "a@b", "a/b", "EU", "a b"] {
            assert!(
                options(&format!("region = '{bad}'")).check().is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_role_is_an_arn_of_a_role() {
        let role = |arn: &str, more: &str| {
            options(&format!("assume_role = {{ role_arn = '{arn}'{more} }}"))
        };
        let good = role("arn:aws:iam::123456789012:role/ops/keywheel", "");
        assert!(good.check().is_ok());
        assert_eq!(good.scope(), "123456789012/default region");
        for bad in [
            "keywheel",
            "arn:aws:iam::1:role/a",
            "arn:aws:iam::123456789012:user/a",
        ] {
            assert!(role(bad, "").check().is_err(), "{bad}");
        }
        let named = role("arn:aws:iam::123456789012:role/a", ", session_name = 'a/b'");
        assert!(named.check().is_err());
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "region = 'r'\nprofile = 'p'\nendpoint = 'e'\nsts_endpoint = 'e'\n\
                   access_key = { id = { env = 'A' }, secret = { file = 'b' }, session_token = { file = 'c' } }\n\
                   assume_role = { role_arn = 'a', external_id = 'b', session_name = 'c' }\n\
                   delegate = true";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        let mut keys = AwsOptions::KEYS.to_vec();
        fields.sort_unstable();
        keys.sort_unstable();
        assert_eq!(fields, keys);
        options(all);
        assert!(toml::from_str::<AwsOptions>(&format!("{all}\nrotate = true")).is_err());
    }
}
