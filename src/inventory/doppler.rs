//! The store `doppler`, as the inventory writes it.

use super::kinds::objection;
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_doppler::DopplerOptions;

/// Configs of Doppler.
pub(crate) const KIND: Kind = Kind {
    name: "doppler",
    keys: &[
        Key::needed(
            "token",
            Shape::Reference,
            "a service token of the config, or a service account's token",
        ),
        Key::new(
            "address",
            Shape::Text,
            "https://host:port; Doppler's own where left out",
        ),
        Key::new(
            "ca_file",
            Shape::Text,
            "PEM file of authorities that signed the server's certificate",
        ),
        Key::new(
            "review",
            Shape::Flag,
            "files every write as a change request",
        ),
        Key::new(
            "per_minute",
            Shape::Count,
            "calls a minute that the plan allows; 120 where left out",
        ),
    ],
    needs_fields: true,
    shares_places: true,
    addresses: &["address"],
    vendor_hosts: &["api.doppler.com"],
    try_out: |options| objection(options, |read: DopplerOptions| read.check()),
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::store_problems;

    fn problems(options: &str, place: &str) -> String {
        let store = format!("kind = \"doppler\"\n{options}");
        store_problems(&store, &format!("path = \"backend/prd\"{place}"))
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let token = r#"token = { file = "doppler-token" }"#;
        let field = ", field = \"A\"";
        assert_eq!(problems(token, field), "");
        let all = format!("{token}\nreview = true\nper_minute = 480");
        assert_eq!(problems(&all, field), "");
        for (options, place, words) in [
            (token.to_owned(), "", "needs `field` or `fields`"),
            (String::new(), field, "token"),
            ("token = \"example\"".to_owned(), field, "env"),
            (
                format!("{token}\naddress = \"http://h\""),
                field,
                "not encrypted",
            ),
            (
                format!("{token}\naddress = \"https://elsewhere.example.com\""),
                field,
                "is not allowed for `production`",
            ),
            (
                format!("{token}\naddress = \"https://169.254.169.254\""),
                field,
                "never called",
            ),
            (format!("{token}\nper_minute = 3"), field, "below 10"),
        ] {
            let said = problems(&options, place);
            assert!(said.contains(words), "{options}: {said}");
        }
    }
}
