//! Packs that cannot work, or would show a secret, are refused with the place.

use keywheel_provider_http::pack::Pack;

/// The example of `docs/packs.md`.
pub(crate) fn example() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/packs.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, after) = page.split_once("```toml\n").unwrap();
    let (example, _) = after.split_once("\n```").unwrap();
    example.to_owned()
}

/// The example of `docs/packs.md`, with one text replaced by another.
fn changed(from: &str, to: &str) -> String {
    let example = example();
    assert!(example.contains(from), "{from}");
    example.replacen(from, to, 1)
}

/// A text of the example, what stands there instead, and words of what is said about it.
const WRONG: &[(&str, &str, &str)] = &[
    ("title =", "titel =", "line 2"),
    (
        "style = \"overlap\"",
        "style = \"overlapping\"",
        "unknown variant `overlapping`",
    ),
    (
        "name = \"acme\"",
        "name = \"Acme!\"",
        "`name` has the letters",
    ),
    (
        "style = \"overlap\"",
        "style = \"assisted\"",
        "`assisted` is what a person makes",
    ),
    (
        "chosen_by = \"issuer\"",
        "chosen_by = \"keywheel\"",
        "`mint` makes what the issuer chooses",
    ),
    (
        "tag = \"/label\"",
        "hint = \"/label\"",
        "found by the `tag`",
    ),
    (
        "value = \"/key/secret\"",
        "secret = \"/key/secret\"",
        "does not take `value`",
    ),
    (
        "json = { label = \"{tag}\" }",
        "json = { label = \"{tga}\" }",
        "`mint`: nothing is called `tga`",
    ),
    (
        "json = { label = \"{tag}\" }",
        "json = { label = \"{tag\" }",
        "a name in braces",
    ),
    (
        "get = \"/whoami\"",
        "get = \"/whoami\"\npost = \"/whoami\"",
        "exactly one of",
    ),
    ("get = \"/whoami\"", "get = \"whoami\"", "begins with `/`"),
    (
        "get = \"/whoami\"",
        "get = \"/../whoami\"",
        "begins with `/` and is plain",
    ),
    (
        "get = \"/whoami\"",
        "get = \"/whoami\"\nauth = \"nobody\"",
        "there is no `auth.nobody`",
    ),
    (
        "headers = { authorization = \"Bearer {value}\" }",
        "headers = { authorization = \"Bearer {token}\" }\n\
         login = { token = \"/t\", lives = \"/l\", call = { post = \"/t\", json = { key = \"{value}\" } } }",
        "`test`: `auth.key` has a `login`",
    ),
    (
        "format = 'acme_[A-Za-z0-9]{32}'",
        "format = 'acme_['",
        "no regular expression",
    ),
    (
        "manager = \"a manager's key\"",
        "workspace = \"a manager's key\"",
        "is used twice",
    ),
    (
        "secret\" }\noutcomes",
        "secret\" }\nturn = { valeu = [\"trim\"] }\noutcomes",
        "`turn` names `valeu`",
    ),
    (
        "secret\" }\noutcomes",
        "secret\" }\nturn = { value = [{ first = \"key\" }] }\noutcomes",
        "with one group",
    ),
    (
        "[[revoke]]\ndelete",
        "[[disable]]\ndelete",
        "`disable` and `enable` belong together",
    ),
];

#[test]
fn what_cannot_work_is_said_with_its_place() {
    for (from, to, words) in WRONG {
        let said = Pack::parse(&changed(from, to))
            .map(|_| ())
            .unwrap_err()
            .message;
        assert!(said.contains(words), "{to}: {said}");
    }
}

/// Without it nothing would be looked for, and `apply` would say that it is done.
#[test]
fn what_we_choose_is_looked_for_by_its_ref() {
    for (name, reference) in [
        ("okta", "ref = \"/id\"\n"),
        ("github-deploy-key", "ref = \"/id\", "),
    ] {
        let file = format!("{}/packs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).unwrap();
        assert!(
            Pack::parse(&text).is_ok() && text.contains(reference),
            "{name}"
        );
        let said = Pack::parse(&text.replacen(reference, "", 1)).map(|_| ());
        let said = said.unwrap_err().message;
        assert!(
            said.contains("`list` needs the `ref` of an item"),
            "{name}: {said}"
        );
    }
}

/// Changes of the example by which the id would be the secret, or tell it.
#[test]
fn no_secret_is_the_id() {
    let way = |how: &str| format!("[identify]\ncut = [\"value\", \"{how}\"]\n\n[test]");
    let public = "[fields.value]\npublic = true";
    for (from, to, words) in [
        (
            "[test]",
            way("itself").as_str(),
            "makes the secret `value` the id",
        ),
        (
            "id = \"/key/id\", value",
            "id = \"/key/secret\", value",
            "`id` is taken from where a secret is",
        ),
        (
            "id = \"/key/id\", value",
            "ref = \"/key/secret\", id = \"/key/id\", value",
            "`ref` is taken",
        ),
    ] {
        let said = Pack::parse(&changed(from, to))
            .map(|_| ())
            .unwrap_err()
            .message;
        assert!(said.contains(words), "{to}: {said}");
        let declared = changed(from, to).replacen("[fields.value]", public, 1);
        assert!(Pack::parse(&declared).is_ok(), "{to}");
    }
    // By a key that only keywheel has, however short the value is.
    let named = changed("[test]", &way("fingerprint"));
    assert!(Pack::parse(&named.replacen("bits = 190", "bits = 20", 1)).is_ok());
    let said = Pack::parse(&changed("[test]", &way("sha256"))).map(|_| ());
    assert!(
        said.unwrap_err()
            .message
            .contains("unknown variant `sha256`")
    );
}

/// What stands in the example's `auth.admin` instead, and what is said about it.
const WRONG_WAYS: &[(&str, &str)] = &[
    (
        "headers = { authorization = \"Bearer {other}\" }",
        "nothing is called `other`",
    ),
    (
        "headers = { authorization = \"Bearer {token}\" }",
        "nothing makes `token`",
    ),
    (
        "headers = { authorization = \"Bearer {assertion}\" }",
        "nothing is called `assertion`",
    ),
    (
        "jwt = { key = \"nobody\", algorithm = \"RS256\", claims = {} }",
        "`key` is no credential and no field: `nobody`",
    ),
    (
        "jwt = { key = \"manager\", algorithm = \"HS256\", claims = {} }",
        "unknown variant `HS256`",
    ),
    (
        "jwt = { key = \"manager\", algorithm = \"RS256\", claims = \"x\" }",
        "`claims` is a table",
    ),
    (
        "jwt = { key = \"manager\", algorithm = \"RS256\", claims = { exp = 1 } }",
        "does not say `exp`",
    ),
    (
        "jwt = { key = \"manager\", algorithm = \"RS256\", claims = { sub = \"{manager}\" } }",
        "the secret `manager` in what is signed",
    ),
    (
        "jwt = { key = \"manager\", algorithm = \"RS256\", claims = {}, lives_seconds = 7200 }",
        "from 60 to 3600",
    ),
    (
        "hmac = { key = \"manager\", over = \"{bdoy}\", written = \"hex\" }",
        "nothing is called `bdoy`",
    ),
    (
        "hmac = { key = \"manager\", over = \"{value}\", written = \"hex\" }",
        "the secret `value` in what is signed",
    ),
    (
        "hmac = { key = \"manager\", over = \"{body}\", written = \"base32\" }",
        "unknown variant `base32`",
    ),
    (
        "sigv4 = { id = \"AKIDEXAMPLE\", key = \"manager\", service = \"iam\" }",
        "missing field `region`",
    ),
    (
        "headers = { authorization = \"x\" }\nsigv4 = { id = \"AKIDEXAMPLE\", key = \"manager\", service = \"iam\", region = \"r\" }",
        "`sigv4` fills the header",
    ),
    (
        "login = { call = { post = \"/t\" }, token = \"/t\" }",
        "either `lives` or `ends`",
    ),
    (
        "login = { call = { post = \"/t\", auth = \"admin\" }, token = \"/t\", lives = \"/l\" }",
        "no way without a login",
    ),
    (
        "login = { call = { post = \"/t\" }, token = \"/t\", lives = \"/l\", base_url = \"http://h.example.com\" }",
        "`base_url` of `login`",
    ),
];

#[test]
fn a_way_to_say_who_asks_that_cannot_work_is_said_with_its_place() {
    for (way, words) in WRONG_WAYS {
        let pack = changed("headers = { authorization = \"Bearer {manager}\" }", way);
        let said = Pack::parse(&pack).map(|_| ()).unwrap_err().message;
        assert!(said.contains(words), "{way}: {said}");
        assert!(
            said.contains("`auth.admin`") || said.contains("TOML parse error at line"),
            "{said}"
        );
    }
}

#[test]
fn no_secret_is_ever_part_of_an_address() {
    for (from, to) in [
        (
            "delete = \"/workspaces/{workspace}/keys/{id}\"",
            "delete = \"/keys/{value}\"",
        ),
        (
            "get = \"/whoami\"",
            "get = \"/whoami\"\nquery = { key = \"{value}\" }",
        ),
        ("get = \"/whoami\"", "get = \"/who/{manager}\""),
    ] {
        let said = Pack::parse(&changed(from, to))
            .map(|_| ())
            .unwrap_err()
            .message;
        assert!(
            said.contains("in an address, which others log"),
            "{to}: {said}"
        );
    }
}
