//! The issuer `jwt-key`, as the inventory writes it.

use super::kinds::{HOST, objection};
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_jwt::JwtKeyOptions;

/// Keys that sign JSON web tokens.
pub(crate) const KIND: Kind = Kind {
    name: "jwt-key",
    keys: &[
        Key::needed(
            "algorithm",
            Shape::Words(&["ES256", "EdDSA", "RS256"]),
            "what new keys sign with",
        ),
        Key::needed(
            "jwks_file",
            Shape::Text,
            "the published set of public keys, a file on this host that a web server serves",
        ),
        Key::new(
            "jwks_url",
            Shape::Text,
            "https address at which verifiers fetch it",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the certificate of `jwks_url`",
        ),
        Key::needed(
            "cache_time",
            Shape::Span,
            "after a change of the file, the longest time until the last verifier has seen it",
        ),
        Key::needed(
            TOKEN_LIFE,
            Shape::Span,
            "how long a token is valid, with what clocks may differ",
        ),
        HOST,
    ],
    fields: &["kid", "private_key"],
    public_fields: &["kid"],
    addresses: &["jwks_url"],
    overlap_covers: Some(TOKEN_LIFE),
    try_out: |options| {
        let mut options = options.clone();
        options.remove(HOST.name);
        objection(&options, |read: JwtKeyOptions| read.check())
    },
    ..Kind::PLAIN
};

const TOKEN_LIFE: &str = "token_life";

#[cfg(test)]
mod tests {
    use super::super::testing::problems_of_issuer;

    fn problems(more: &str) -> String {
        let issuer = format!(
            "kind = \"jwt-key\"\nalgorithm = \"ES256\"\njwks_file = \"/srv/www/jwks.json\"\n{more}"
        );
        problems_of_issuer(&issuer, "private_key")
    }

    #[test]
    fn a_set_of_a_listed_host_or_of_this_machine_is_understood() {
        let times = "cache_time = \"10m\"\ntoken_life = \"1h\"";
        for more in [
            "",
            "host = \"auth-1\"",
            "jwks_url = \"https://auth.svc.example.com/.well-known/jwks.json\"",
            "jwks_url = \"http://127.0.0.1:8080/jwks.json\"",
        ] {
            assert_eq!(problems(&format!("{times}\n{more}")), "", "{more}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let times = "cache_time = \"10m\"\ntoken_life = \"1h\"";
        for (more, words) in [
            (
                format!("{times}\njwks_url = \"https://elsewhere.example.com/\""),
                "is not allowed for `production`",
            ),
            (
                format!("{times}\njwks_url = \"http://auth.svc.example.com/\""),
                "not an https address",
            ),
            ("token_life = \"1h\"".to_owned(), "`cache_time`"),
            (
                "cache_time = \"soon\"\ntoken_life = \"1h\"".to_owned(),
                "`cache_time`",
            ),
            // The preset `production` has an overlap of 24 hours.
            (
                "cache_time = \"10m\"\ntoken_life = \"25h\"".to_owned(),
                "`overlap` is shorter than `token_life`",
            ),
        ] {
            let said = problems(&more);
            assert!(said.contains(words), "{more}: {said}");
        }
    }
}
