//! The packs of this build.

use crate::pack::Pack;
use std::sync::LazyLock;

/// Their files, by name.
const FILES: &[(&str, &str)] = &[
    ("anthropic", include_str!("../packs/anthropic.toml")),
    ("auth0", include_str!("../packs/auth0.toml")),
    ("cloudflare", include_str!("../packs/cloudflare.toml")),
    ("datadog", include_str!("../packs/datadog.toml")),
    (
        "github-app-deploy-key",
        include_str!("../packs/github-app-deploy-key.toml"),
    ),
    (
        "github-deploy-key",
        include_str!("../packs/github-deploy-key.toml"),
    ),
    ("github-token", include_str!("../packs/github-token.toml")),
    ("gitlab", include_str!("../packs/gitlab.toml")),
    ("mailgun", include_str!("../packs/mailgun.toml")),
    ("npm", include_str!("../packs/npm.toml")),
    ("okta", include_str!("../packs/okta.toml")),
    ("openai", include_str!("../packs/openai.toml")),
    ("qiita", include_str!("../packs/qiita.toml")),
    ("sendgrid", include_str!("../packs/sendgrid.toml")),
    ("slack", include_str!("../packs/slack.toml")),
    ("stripe", include_str!("../packs/stripe.toml")),
    (
        "stripe-webhook",
        include_str!("../packs/stripe-webhook.toml"),
    ),
    ("twilio", include_str!("../packs/twilio.toml")),
];

/// A file that cannot be read is no pack of this build; a test reads every one.
static PACKS: LazyLock<Vec<Pack>> = LazyLock::new(|| {
    FILES
        .iter()
        .filter_map(|(_, text)| Pack::parse(text).ok())
        .collect()
});

/// The pack of that name.
#[must_use]
pub fn pack(name: &str) -> Option<&'static Pack> {
    PACKS.iter().find(|pack| pack.name == name)
}

/// Every name.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::FILES;
    use crate::pack::Pack;

    #[test]
    fn every_file_is_a_pack_of_that_name() {
        for (name, text) in FILES {
            let pack = Pack::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(pack.name, *name);
        }
    }
}
