//! How an issuer `aws-iam-key` is configured.

use crate::options::{AccessKey, AssumeRole, AwsOptions};
use keywheel_contract::{Error, Result};
use keywheel_reference::addresses;
use serde::Deserialize;

/// Options of the issuer `aws-iam-key`: whose access keys these are, and as whom AWS is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyOptions {
    /// Name of the IAM user, without its path.
    pub user: String,
    /// Region whose Security Token Service tries the keys; that of the environment or the profile where left out,
    /// and else `us-east-1`.
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
    /// Where IAM is called instead of at its public address: `https://host:port`; `http://` only for this machine.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The same for the Security Token Service, which says who a key is.
    #[serde(default)]
    pub sts_endpoint: Option<String>,
}

impl KeyOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "user",
        "region",
        "profile",
        "access_key",
        "assume_role",
        "endpoint",
        "sts_endpoint",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        // IAM's rule: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html>.
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !(1..=64).contains(&self.user.len()) || !self.user.chars().all(allowed) {
            return Err(Error::invalid(
                "`user` is no name of an IAM user: write it without its path and its ARN",
            ));
        }
        if let Some(address) = &self.endpoint {
            addresses::origin("endpoint", address, "https://host:port")?;
        }
        self.identity().check()
    }

    /// As whom AWS is asked, in the words of the store.
    pub(crate) fn identity(&self) -> AwsOptions {
        AwsOptions {
            region: self.region.clone(),
            profile: self.profile.clone(),
            access_key: self.access_key.clone(),
            assume_role: self.assume_role.clone(),
            sts_endpoint: self.sts_endpoint.clone(),
            ..AwsOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyOptions;

    fn options(text: &str) -> KeyOptions {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_user_is_named_without_its_path() {
        for good in ["app", "app@example.com", "a+b=c,d.e_f-g"] {
            assert!(options(&format!("user = '{good}'")).check().is_ok());
        }
        let long = "a".repeat(65);
        for bad in ["", "/app", "a b", "arn:aws:iam::123456789012:user/a", &long] {
            let said = options(&format!("user = '{bad}'")).check().unwrap_err();
            assert!(said.message.contains("path"), "{bad}: {said}");
        }
    }

    #[test]
    fn the_rules_of_the_store_hold_here_too() {
        for (more, words) in [
            ("endpoint = 'http://iam.example.com'", "endpoint"),
            ("sts_endpoint = 'http://sts.example.com'", "sts_endpoint"),
            ("assume_role = { role_arn = 'x' }", "role/NAME"),
            ("region = 'EU'", "region"),
        ] {
            let said = options(&format!("user = 'app'\n{more}")).check();
            assert!(said.unwrap_err().message.contains(words), "{more}");
        }
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "user = 'u'\nregion = 'r'\nprofile = 'p'\nendpoint = 'e'\nsts_endpoint = 'e'\n\
                   access_key = { id = { env = 'A' }, secret = { file = 'b' } }\n\
                   assume_role = { role_arn = 'a' }";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        let mut keys = KeyOptions::KEYS.to_vec();
        fields.sort_unstable();
        keys.sort_unstable();
        assert_eq!(fields, keys);
        options(all);
        assert!(toml::from_str::<KeyOptions>(&format!("{all}\nusers = 1")).is_err());
    }
}
