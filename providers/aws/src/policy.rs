//! The smallest rights that suffice for some places, as the text of an IAM policy (pure).

use crate::shape::is_arn;
use serde::Serialize;

/// What a rotation calls.
pub(crate) const ACTIONS: [&str; 5] = [
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
];
/// What a rotation by AWS calls beside the first three, which read.
pub(crate) const ROTATE: &str = "secretsmanager:RotateSecret";
/// AWS asks for it of whoever has a function rotate a secret
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html>).
const INVOKE: &str = "lambda:InvokeFunction";
/// What the first publish of a new secret calls beside them.
pub(crate) const CREATE: &str = "secretsmanager:CreateSecret";

/// One place, as far as it is known.
pub(crate) struct Needed {
    pub(crate) path: String,
    /// Empty where the secret does not exist yet.
    pub(crate) arn: String,
    /// ARN of a key that is not AWS's own.
    pub(crate) kms_key: Option<String>,
    /// ARN of the function with which AWS rotates it.
    pub(crate) function: Option<String>,
}

/// Where new secrets will be.
pub(crate) struct Home<'a> {
    /// Of our own identity: `arn:PARTITION:…`.
    pub(crate) identity: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
}

impl Statement {
    fn allow(action: &[&'static str], resource: Vec<String>) -> Option<Self> {
        (!resource.is_empty()).then(|| Self {
            effect: "Allow",
            action: action.to_vec(),
            resource,
        })
    }
}

/// The text to paste; `delegate` where AWS rotates them.
pub(crate) fn text(places: &[Needed], home: &Home<'_>, delegate: bool) -> String {
    let all = places.iter().flat_map(|place| resources(place, home));
    let new = places.iter().filter(|place| place.arn.is_empty());
    let new = new.flat_map(|place| resources(place, home));
    let keys = each(places, |place| place.kms_key.clone());
    let statement = match delegate {
        false => [
            Statement::allow(&ACTIONS, all.collect()),
            Statement::allow(&[CREATE], new.collect()),
            Statement::allow(&["kms:Decrypt", "kms:GenerateDataKey"], keys),
        ],
        true => [
            Statement::allow(&[ACTIONS[0], ACTIONS[1], ACTIONS[2], ROTATE], all.collect()),
            Statement::allow(&[INVOKE], each(places, |place| place.function.clone())),
            Statement::allow(&["kms:Decrypt"], keys),
        ],
    };
    let policy = Policy {
        version: "2012-10-17",
        statement: statement.into_iter().flatten().collect(),
    };
    serde_json::to_string_pretty(&policy).unwrap_or_default()
}

fn each(places: &[Needed], part: impl Fn(&Needed) -> Option<String>) -> Vec<String> {
    let mut found: Vec<_> = places.iter().filter_map(part).collect();
    found.sort();
    found.dedup();
    found
}

/// A secret that does not exist has no ARN yet: AWS checks a call about it against its bare name, and appends a
/// hyphen and six characters once it exists.
fn resources(place: &Needed, home: &Home<'_>) -> Vec<String> {
    if !place.arn.is_empty() {
        return vec![place.arn.clone()];
    }
    if is_arn(&place.path) {
        return vec![place.path.clone()];
    }
    let partition = home.identity.split(':').nth(1).unwrap_or("aws");
    let bare = format!(
        "arn:{partition}:secretsmanager:{}:{}:secret:{}",
        home.region, home.account, place.path
    );
    vec![format!("{bare}-??????"), bare]
}

#[cfg(test)]
mod tests {
    use super::{Home, Needed, text};
    use serde_json::{Value, json};

    const HOME: Home<'_> = Home {
        identity: "arn:aws-cn:iam::123456789012:user/example",
        account: "123456789012",
        region: "cn-north-1",
    };

    #[test]
    fn a_policy_names_what_is_there_and_what_will_be() {
        let needed = |path: &str, arn: &str, key: Option<&str>| Needed {
            path: path.to_owned(),
            arn: arn.to_owned(),
            kms_key: key.map(str::to_owned),
            function: None,
        };
        let places = [
            needed("a", "arn:example:a-abcdef", Some("arn:example:key")),
            needed("b", "", None),
        ];
        let policy: Value = serde_json::from_str(&text(&places, &HOME, false)).unwrap();
        let bare = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:b";
        let new = json!([format!("{bare}-??????"), bare]);
        assert_eq!(policy["Statement"][1]["Resource"], new);
        assert_eq!(
            policy["Statement"][0]["Resource"][0],
            "arn:example:a-abcdef"
        );
        assert_eq!(policy["Statement"][0]["Resource"][2], bare);
        assert_eq!(
            policy["Statement"][2]["Resource"],
            json!(["arn:example:key"])
        );
    }

    #[test]
    fn nothing_is_asked_for_that_is_not_needed() {
        let there = [Needed {
            path: "a".to_owned(),
            arn: "arn:example:a-abcdef".to_owned(),
            kms_key: None,
            function: Some("arn:example:f".to_owned()),
        }];
        let policy = text(&there, &HOME, false);
        assert!(
            !policy.contains("CreateSecret") && !policy.contains("kms:"),
            "{policy}"
        );
        assert!(!policy.contains('*'), "{policy}");
        let delegated = text(&there, &HOME, true);
        for needed in ["GetSecretValue", "RotateSecret", "InvokeFunction"] {
            assert_eq!(policy.contains(needed), needed.starts_with("Get"));
            assert!(delegated.contains(needed), "{delegated}");
        }
        for unneeded in ["PutSecretValue", "UpdateSecretVersionStage"] {
            assert!(!delegated.contains(unneeded), "{delegated}");
        }
    }
}
