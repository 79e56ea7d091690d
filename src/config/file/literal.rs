//! Finds credentials that a person wrote into a file. A miss is worse than a question, but a file full of
//! false alarms is switched off: only clear cases count.

/// Names whose text is a credential; also as the end of a longer name, such as `reload_token`.
const NAMES: [&str; 14] = [
    "api_key",
    "apikey",
    "access_key",
    "bearer",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "pwd",
    "secret",
    "secret_key",
    "signing_key",
    "token",
];

/// How credentials of well-known issuers begin.
const PREFIXES: [&str; 14] = [
    "-----BEGIN ",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "ghp_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hvs.",
    "rk_live_",
    "sk-",
    "sk_live_",
    "xoxb-",
];

/// Fewer characters than this say nothing about randomness.
const SHORTEST: usize = 20;

/// Whether a key of this name asks for a credential.
pub(crate) fn is_named_like_one(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    let ends_with = |name: &str| {
        key.strip_suffix(name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    };
    key == "value" || NAMES.iter().any(|name| ends_with(name))
}

/// Whether a text can be nothing else, though ids that look random are expected where it stands.
#[cfg(feature = "http")]
pub(crate) fn is_surely_one(text: &str) -> bool {
    has_known_prefix(text) || has_password_in_url(text)
}

/// Whether a text looks like a credential by itself.
pub(crate) fn looks_like_one(text: &str) -> bool {
    has_known_prefix(text) || has_password_in_url(text) || text.split(SEPARATORS).any(is_random)
}

/// What stands between words of paths, addresses, templates and prose.
const SEPARATORS: [char; 14] = [
    ' ', '/', ':', '.', ',', ';', '@', '&', '?', '{', '}', '|', '"', '\n',
];

fn has_known_prefix(text: &str) -> bool {
    let begins = |prefix: &str| text.starts_with(prefix);
    text.len() >= SHORTEST && PREFIXES.iter().any(|prefix| begins(prefix))
}

/// Whether an address has a password before its host that is no field of a template.
pub(crate) fn has_password_in_url(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let login = authority.rsplit_once('@').map(|(login, _)| login);
    let password = login.and_then(|login| login.split_once(':'));
    password.is_some_and(|(_, password)| !password.is_empty() && !password.contains('{'))
}

/// Long, of mixed classes, and with the spread of a random text: hexadecimal reaches 4 bits for each
/// character, base64 in samples of this length more; words and host names stay below and lack digits.
fn is_random(word: &str) -> bool {
    let count = |class: fn(&char) -> bool| word.chars().filter(class).count();
    let digits = count(char::is_ascii_digit);
    let lower = count(char::is_ascii_lowercase);
    let upper = count(char::is_ascii_uppercase);
    let words = word.split(['-', '_']).all(|part| part.len() < 12);
    let mixed = digits >= 4 && (lower >= 3 || upper >= 3);
    word.len() >= SHORTEST && mixed && !words && !is_uuid(word) && bits_per_character(word) >= 3.2
}

/// Ids of tenants, projects and keys are UUIDs, which are names.
fn is_uuid(word: &str) -> bool {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
}

fn bits_per_character(word: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in word.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let total = word.len() as f64;
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total);
    shares.map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::{is_named_like_one, looks_like_one};

    #[test]
    fn names_of_credentials_are_known_and_their_neighbours_are_not() {
        for name in [
            "token",
            "API_KEY",
            "reload-token",
            "db_password",
            "value",
            "bearer",
        ] {
            assert!(is_named_like_one(name), "{name}");
        }
        for name in [
            "token_file",
            "access_key_id",
            "field",
            "path",
            "values",
            "tokens",
            "key_file",
        ] {
            assert!(!is_named_like_one(name), "{name}");
        }
    }

    #[test]
    fn random_texts_stand_out_from_names_paths_and_prose() {
        // Made of counting digits and letters, so that no scanner takes them for real.
        let random = [
            "0123456789abcdef0123456789abcdef",
            "Example0A1b2C3d4E5f6G7h8I9j0",
        ];
        for text in random {
            assert!(looks_like_one(text), "{text}");
        }
        assert!(looks_like_one("postgres://app:example@db.internal/orders"));
        assert!(looks_like_one(&format!("ghp{}", "_example".repeat(4))));
        for text in [
            "https://chat.internal/.well-known/keywheel",
            "prod/orders/db-2026-11-21-primary",
            "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
            "chat is down for every customer in region eu-west-1",
            "postgres://{user}:{password|url}@db/orders",
            "arn:aws:iam::123456789012:role/keywheel-rotation",
            "abcdefghijklmnopqrstuvwxyz",
            "production-eu-west-1-cluster-2026",
        ] {
            assert!(!looks_like_one(text), "{text}");
        }
    }
}
