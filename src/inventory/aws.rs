//! The store `aws-secrets-manager` and the issuers `aws-rotation` and `aws-iam-key`, as the inventory writes them.

use super::definition::Destination;
use super::issuer::FoundIssuer;
use super::kinds::objection;
use super::resolve::Resolver;
use crate::config::file::{Key, Keys, Kind, Problem, Shape};
use keywheel_provider_aws::{AwsOptions, KeyOptions};
use serde_json::{Map, Value, json};

/// AWS Secrets Manager.
pub(crate) const KIND: Kind = Kind {
    name: "aws-secrets-manager",
    keys: &[
        Key::new(
            "region",
            Shape::Text,
            "region of the secrets; the daemon's own where left out",
        ),
        PROFILE,
        OUR_KEY,
        OUR_ROLE,
        Key::new(
            "endpoint",
            Shape::Text,
            "https://host:port of Secrets Manager, where it is not the public one",
        ),
        STS_ENDPOINT,
        Key::new(
            "delegate",
            Shape::Flag,
            "whether AWS rotates its secrets, by the issuer `aws-rotation`; nothing is written there",
        ),
    ],
    // None of the vendor's own: most names below amazonaws.com are customers', and a request holds the value.
    addresses: &["endpoint", "sts_endpoint"],
    try_out: |options| objection(options, |read: AwsOptions| read.check()),
    ..Kind::PLAIN
};

/// The rotation that AWS has of its own. All it needs to know is where the secret is published: it is made there.
pub(crate) const ROTATION: Kind = Kind {
    name: "aws-rotation",
    ..Kind::PLAIN
};

/// Access keys of an IAM user.
pub(crate) const IAM_KEY: Kind = Kind {
    name: "aws-iam-key",
    keys: &[
        Key::needed(
            "user",
            Shape::Text,
            "name of the IAM user, without its path",
        ),
        Key::new(
            "region",
            Shape::Text,
            "region whose Security Token Service tries the keys; the daemon's own where left out",
        ),
        PROFILE,
        OUR_KEY,
        OUR_ROLE,
        Key::new(
            "endpoint",
            Shape::Text,
            "https://host:port of IAM, where it is not the public one",
        ),
        STS_ENDPOINT,
    ],
    fields: &["access_key_id", "secret_access_key"],
    public_fields: &["access_key_id"],
    dates_use: true,
    addresses: &["endpoint", "sts_endpoint"],
    try_out: |options| objection(options, |read: KeyOptions| read.check()),
    ..Kind::PLAIN
};

const PROFILE: Key = Key::new(
    "profile",
    Shape::Text,
    "profile of AWS's shared configuration files",
);
const OUR_KEY: Key = Key::new(
    "access_key",
    Shape::Table(&ACCESS_KEY),
    "an access key, instead of AWS's own chain of credentials",
);
const OUR_ROLE: Key = Key::new(
    "assume_role",
    Shape::Table(&ROLE),
    "a role to take before anything is called",
);
const STS_ENDPOINT: Key = Key::new(
    "sts_endpoint",
    Shape::Text,
    "the same of the Security Token Service",
);

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

impl Resolver<'_> {
    /// Who has AWS rotate a secret does it where AWS rotates, there alone, and with consent.
    pub(super) fn delegated(
        &mut self,
        mut issuer: FoundIssuer,
        destinations: &[Destination],
    ) -> FoundIssuer {
        let places: Vec<_> = destinations.iter().filter(|d| delegates(d)).collect();
        let asks = issuer.spec.kind == ROTATION.name;
        let (message, help) = match places[..] {
            [] if !asks => return issuer,
            [_, ..] if !asks => (
                "AWS alone writes to a store with `delegate`",
                "say `issuer = { kind = \"aws-rotation\" }`, or publish to a store without `delegate`",
            ),
            [place] if self.layered.table.entry("in_place").is_some() => {
                issuer.spec.options = settings(place);
                return issuer;
            }
            [_] => (
                "whether AWS's rotation leaves the old value alive is not known, so that consumers may break",
                "say `in_place = \"why\"`",
            ),
            _ => (
                "the issuer `aws-rotation` rotates what it is published to: one place in a store with `delegate`",
                "publish to one place of a store `aws-secrets-manager` with `delegate = true`",
            ),
        };
        let at = issuer.at.as_ref().unwrap_or(self.layered.at);
        let problem = Problem::at(at, message).help(help);
        self.problem(Some(problem));
        issuer
    }
}

fn delegates(destination: &Destination) -> bool {
    let store = &destination.store;
    store.kind == KIND.name && store.options.get("delegate") == Some(&Value::Bool(true))
}

/// Everything that the issuer needs, so that a rotation outlives an edit of the store.
fn settings(place: &Destination) -> Map<String, Value> {
    let store = Value::Object(place.store.options.clone());
    let settings = json!({ "secret": place.path, "store": store });
    settings.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, problems_of_issuer, store_problems};

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
            ("delegate = \"yes\"", "delegate"),
            ("delegate = true", "AWS alone writes"),
        ] {
            let said = problems(settings, "");
            assert!(said.contains(words), "{settings}: {said}");
        }
    }

    #[test]
    fn a_user_whose_keys_are_rotated_is_understood_or_refused() {
        let said = |more: &str| {
            let issuer = format!("kind = \"aws-iam-key\"\n{more}");
            problems_of_issuer(&issuer, "secret_access_key")
        };
        assert_eq!(said("user = \"app\"\nregion = \"eu-west-1\""), "");
        for (more, words) in [
            ("", "user"),
            ("user = \"/team/app\"", "without its path"),
            ("user = \"app\"\nendpoint = \"http://h\"", "not encrypted"),
            (
                "user = \"app\"\nendpoint = \"https://iam.amazonaws.com\"",
                "is not allowed for `production`",
            ),
            (
                "user = \"app\"\nsts_endpoint = \"https://169.254.169.254\"",
                "never called",
            ),
        ] {
            let said = said(more);
            assert!(said.contains(words), "{more}: {said}");
        }
    }

    /// What a handshake proves of a key that is published in these fields.
    fn proof_field(fields: &str) -> Option<String> {
        let team = format!(
            "[secrets.a]\nno_consumers = \"example\"\nissuer = {{ kind = \"aws-iam-key\", user = \"app\" }}\n\
             publish_to = [{{ store = \"main\", path = \"a\", {fields} }}]\n"
        );
        let read = Files::usual().with("inventory/production/team.toml", &team);
        let read = read.read().ok().unwrap();
        read.definitions[0].destinations[0].proof_field.clone()
    }

    #[test]
    fn the_name_of_a_key_proves_nothing() {
        let both = "A_ID = \"{access_key_id}\", B_OLD = \"{previous.secret_access_key}\"";
        for (fields, proof) in [
            (
                format!("fields = {{ {both}, C = \"{{secret_access_key}}\" }}"),
                Some("C"),
            ),
            (
                format!(
                    "fields = {{ {both}, C = \"{{secret_access_key}}\", D = \"x{{secret_access_key}}\" }}, proof_field = \"D\""
                ),
                Some("D"),
            ),
            (format!("fields = {{ {both} }}"), None),
        ] {
            assert_eq!(proof_field(&fields).as_deref(), proof, "{fields}");
        }
    }

    /// A secret that AWS rotates, with these lines beside its issuer.
    fn delegated(lines: &str) -> Result<super::Map<String, super::Value>, String> {
        let environment = "environment = \"production\"\n\
             defaults = { owner = \"ml\", schedule = \"production\" }\n\
             [stores.native]\nkind = \"aws-secrets-manager\"\nregion = \"eu-west-1\"\ndelegate = true\n\
             [stores.copies]\nkind = \"files\"\nroot = \"/srv\"\n";
        let team = format!("[secrets.a]\nno_consumers = \"example\"\n{lines}\n");
        let read = Files::usual()
            .with("inventory/production/environment.toml", environment)
            .with("inventory/production/team.toml", &team)
            .read();
        match read {
            Ok(snapshot) => Ok(snapshot.definitions[0].issuer.options.clone()),
            Err(problems) => Err(problems.iter().map(|one| format!("{one}\n")).collect()),
        }
    }

    const ISSUER: &str = "issuer = { kind = \"aws-rotation\" }";
    const NATIVE: &str =
        "{ store = \"native\", path = \"db\", fields = { password = \"{password}\" } }";
    const COPY: &str = "{ store = \"copies\", path = \"db\", field = \"password\" }";

    #[test]
    fn what_aws_rotates_is_where_it_is_published() {
        let secret = |places: &str| {
            format!("{ISSUER}\nin_place = \"AWS replaces it\"\npublish_to = [{places}]")
        };
        for places in [NATIVE.to_owned(), format!("{COPY}, {NATIVE}")] {
            let settings = delegated(&secret(&places)).unwrap();
            let wanted = serde_json::json!({
                "secret": "db", "store": { "region": "eu-west-1", "delegate": true }
            });
            assert_eq!(super::Value::Object(settings), wanted);
        }
        let twice = format!(
            "{NATIVE}, {}",
            NATIVE.replace("path = \"db\"", "path = \"e\"")
        );
        for places in [COPY.to_owned(), twice] {
            let said = delegated(&secret(&places)).unwrap_err();
            assert!(said.contains("one place"), "{said}");
        }
    }

    #[test]
    fn nobody_is_promised_that_the_old_value_lives_on() {
        let said = delegated(&format!("{ISSUER}\npublish_to = [{NATIVE}]")).unwrap_err();
        assert!(said.contains("in_place"), "{said}");
    }
}
