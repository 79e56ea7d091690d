//! The store `aws-secrets-manager`, as the inventory writes it.

use super::kinds::objection;
use crate::config::file::{Key, Keys, Kind, Shape};
use keywheel_provider_aws::AwsOptions;

/// AWS Secrets Manager.
pub(crate) const KIND: Kind = Kind {
    name: "aws-secrets-manager",
    keys: &[
        Key::new(
            "region",
            Shape::Text,
            "region of the secrets; the daemon's own where left out",
        ),
        Key::new(
            "profile",
            Shape::Text,
            "profile of AWS's shared configuration files",
        ),
        Key::new(
            "access_key",
            Shape::Table(&ACCESS_KEY),
            "an access key, instead of AWS's own chain of credentials",
        ),
        Key::new(
            "assume_role",
            Shape::Table(&ROLE),
            "a role to take before anything is called",
        ),
        Key::new(
            "endpoint",
            Shape::Text,
            "https://host:port of Secrets Manager, where it is not the public one",
        ),
        Key::new(
            "sts_endpoint",
            Shape::Text,
            "the same of the Security Token Service",
        ),
    ],
    // None of the vendor's own: most names below amazonaws.com are customers', and a request holds the value.
    addresses: &["endpoint", "sts_endpoint"],
    try_out: |options| objection(options, |read: AwsOptions| read.check()),
    ..Kind::PLAIN
};

static ACCESS_KEY: Keys = Keys {
    title: "an access key",
    keys: &[&[
        Key::needed("id", Shape::Reference, "names the key"),
        Key::needed("secret", Shape::Reference, "proves that we may use it"),
        Key::new(
            "session_token",
            Shape::Reference,
            "belongs to a key that ends by itself",
        ),
    ]],
    one_of: &[],
};

static ROLE: Keys = Keys {
    title: "a role",
    keys: &[&[
        Key::needed("role_arn", Shape::Plain, "arn:aws:iam::ACCOUNT:role/NAME"),
        Key::new(
            "external_id",
            Shape::Plain,
            "what the role's trust policy asks for",
        ),
        Key::new(
            "session_name",
            Shape::Text,
            "how we are named in AWS's log; `keywheel` where left out",
        ),
    ]],
    one_of: &[],
};

#[cfg(test)]
mod tests {
    use super::super::testing::store_problems;

    fn problems(settings: &str, place: &str) -> String {
        let store = format!("kind = \"aws-secrets-manager\"\n{settings}");
        store_problems(&store, &format!("path = \"a\"{place}"))
    }

    #[test]
    fn each_way_in_is_understood() {
        for settings in [
            "",
            "region = \"eu-west-1\"\nprofile = \"ops\"",
            "access_key = { id = { env = \"A\" }, secret = { file = \"b\" }, session_token = { file = \"c\" } }",
            "assume_role = { role_arn = \"arn:aws:iam::123456789012:role/keywheel\", external_id = \"x-1\" }",
            "endpoint = \"https://vpce.svc.example.com\"\nsts_endpoint = \"https://sts.svc.example.com\"",
        ] {
            assert_eq!(problems(settings, ", field = \"A\""), "", "{settings}");
            assert_eq!(problems(settings, ""), "", "{settings}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        for (settings, words) in [
            ("endpoint = \"http://h\"", "not encrypted"),
            (
                "endpoint = \"https://vpce.amazonaws.com\"",
                "is not allowed for `production`",
            ),
            ("endpoint = \"https://169.254.169.254\"", "never called"),
            ("sts_endpoint = \"https://169.254.169.254\"", "never called"),
            ("assume_role = { role_arn = \"keywheel\" }", "role/NAME"),
            (
                "profile = \"a\"\naccess_key = { id = { env = \"A\" }, secret = { env = \"B\" } }",
                "leave one out",
            ),
            (
                "access_key = { id = \"a\", secret = { env = \"B\" } }",
                "env",
            ),
            ("delegate = true", "delegate"),
        ] {
            let said = problems(settings, "");
            assert!(said.contains(words), "{settings}: {said}");
        }
    }
}
