//! What people write wrongly, and exactly what they are told: one row each.

use super::super::testing::Files;

/// A complete secret in five lines; `WRONG` on line 6 is the row's.
pub(super) const SECRET: &str = r#"[secrets.a]
owner = "ml"
issuer = { use = "people" }
publish_to = [{ store = "main", path = "a" }]
no_consumers = "tried by hand"
"#;

/// The same without `no_consumers`: four lines, so that consumers can follow on line 5.
const OPEN: &str = r#"[secrets.a]
owner = "ml"
issuer = { use = "people" }
publish_to = [{ store = "main", path = "a" }]
"#;

pub(super) fn told(files: &Files) -> Vec<String> {
    let problems = files.read().err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// Reads `text` as the only team file; `expected` is the one problem told, message and help.
fn check_team(text: &str, expected: &str) {
    let files = Files::usual().with("inventory/production/t.toml", text);
    let expected = format!("inventory/production/t.toml:{expected}");
    let told = told(&files);
    assert_eq!(told.len(), 1, "{text}\n{told:?}");
    // A text of another crate is its own to change: a row that ends in a space names only the place.
    if expected.ends_with(' ') {
        assert!(told[0].starts_with(&expected), "{text}\n{told:?}");
    } else {
        assert_eq!(told, [expected], "{text}");
    }
}

#[test]
fn keys_and_types() {
    for (line, expected) in [
        (
            "onwer = \"ml\"",
            "6:1: unknown key `onwer`\n  help: did you mean `owner`?",
        ),
        ("zzzzzz = 1", "6:1: unknown key `zzzzzz`"),
        ("tags = \"pci\"", "6:8: `tags` must be a list"),
        ("tags = [1]", "6:9: `tags` must be a text"),
        ("impact = 3", "6:10: `impact` must be a text"),
        ("consumers = \"none\"", "6:13: `consumers` must be a table"),
        (
            "manage = \"automatic\"",
            "6:10: `manage` must be one of `track`, `approve`, `auto`",
        ),
        (
            "timing = { evry = \"1d\" }",
            "6:12: unknown key `evry`\n  help: did you mean `every`?",
        ),
        (
            "timing.every = \"1 month\"",
            "6:16: `every` must be a length of time such as \"90s\", \"24h\" or \"30d\"",
        ),
        (
            "timing.first_due = true",
            "6:20: `first_due` must be a date such as 2026-12-31",
        ),
        ("owner = \"ml\"", "6:1: not TOML: duplicate key"),
        (
            "impact = unquoted text",
            "6:10: not TOML: string values must be quoted, expected literal string",
        ),
        (
            "consumers.\"a b\" = {}",
            "6:11: `a b` is not a name\n  help: use letters, digits, `.`, `_` and `-`, and begin with a letter or digit",
        ),
    ] {
        check_team(&format!("{SECRET}{line}\n"), expected);
    }
}

/// Puts a line in the place of the usual one with the same key.
fn check_line(line: &str, expected: &str) {
    let key = line.split(' ').next().unwrap();
    let text: String = SECRET
        .lines()
        .map(|usual| if usual.starts_with(key) { line } else { usual })
        .flat_map(|line| [line, "\n"])
        .collect();
    check_team(&text, expected);
}

#[test]
fn owners_and_issuers() {
    for (line, column, expected) in [
        (
            "owner = \"mll\"",
            "2:9",
            "unknown owner `mll`\n  help: did you mean `ml`?",
        ),
        (
            "issuer = { use = \"peopel\" }",
            "3:18",
            "unknown issuer `peopel`\n  help: did you mean `people`?",
        ),
        (
            "issuer = { use = \"people\", size = 3 }",
            "3:28",
            "unknown key `size`\n  help: known here: `prefix`, `min_length`, `max_length`, `alphabet`, `require`, `fields`, `instructions`, `standby`, `kind`, `use`",
        ),
        (
            "issuer = { kind = \"radnom\" }",
            "3:19",
            "unknown kind `radnom`\n  help: did you mean `random`?",
        ),
        (
            "issuer = { length = 3 }",
            "3:10",
            "`kind` or `use` is missing\n  help: an issuer: the kinds are `random`, `manual`, `aws-rotation`, `jwt-key`, `mysql`, `postgres`, `aws-iam-key`, `azure-app-secret`, `google-service-account-key`, `redis`, `ssh-key`, `http`, `exec`",
        ),
        (
            "issuer = { kind = \"manual\", use = \"people\" }",
            "3:29",
            "`kind` and `use` exclude each other",
        ),
        (
            "issuer = { kind = \"exec\", program = \"mint\" }",
            "3:37",
            "unknown program `mint`\n  help: known here: `check-app`",
        ),
        (
            "issuer = { kind = \"exec\" }",
            "3:12",
            "`program` is missing\n  help: its name below `programs` in keywheel.toml",
        ),
        (
            "issuer = { use = \"people\", max_length = 3 }",
            "3:10",
            "issuer `people`: ",
        ),
    ] {
        check_line(line, &format!("{column}: {expected}"));
    }
}

#[test]
fn destinations() {
    for (line, column, expected) in [
        (
            "publish_to = [{ store = \"mian\", path = \"a\" }]",
            "4:25",
            "unknown store `mian`\n  help: did you mean `main`?",
        ),
        (
            "publish_to = [{ store = \"main\" }]",
            "4:15",
            "`path` is missing\n  help: path inside it; `{environment}` and `{name}` are filled in",
        ),
        (
            "publish_to = [{ store = \"main\", path = \"{nmae}\" }]",
            "4:40",
            "a path has no placeholder of this name\n  help: in paths there are `{environment}` and `{name}`",
        ),
        (
            "publish_to = []",
            "4:14",
            "`publish_to` names no destination\n  help: say where: `publish_to = [{ store = \"main\", path = \"{environment}/{name}\" }]`",
        ),
        (
            "publish_to = [{ store = \"main\", path = \"a\" }, { store = \"main\", path = \"a\" }]",
            "4:47",
            "`main:a` is named twice\n  help: put all fields of one path into one `fields`",
        ),
        (
            "publish_to = [{ store = \"main\", path = \"a\", field = \"A\", proof_field = \"B\" }]",
            "4:72",
            "unknown field `B`\n  help: did you mean `A`?",
        ),
        (
            "publish_to = [{ store = \"main\", path = \"a\", field = \"A\", fields = {} }]",
            "4:58",
            "`field` and `fields` exclude each other",
        ),
    ] {
        check_line(line, &format!("{column}: {expected}"));
    }
}

#[test]
fn names_between_entries() {
    for (line, expected) in [
        (
            "like = \"service-tokn\"",
            "6:8: unknown template `service-tokn`\n  help: did you mean `service-token`?",
        ),
        (
            "schedule = \"producton\"",
            "6:12: unknown schedule `producton`\n  help: did you mean `production`?",
        ),
        (
            "timing.apart_from = [\"b\"]",
            "6:22: unknown secret `b` in `apart_from`\n  help: did you mean `a`?",
        ),
        (
            "formerly = [\"a\"]",
            "6:13: a secret was not formerly what it is called now",
        ),
        (
            "formerly = [\"x/y/z\"]",
            "6:13: `x/y/z` is not a secret's id: use letters, digits, `.`, `_` and `-`, and begin with a letter or digit",
        ),
        (
            "timing.time_zone = \"Europe/Nowhere\"",
            "6:20: `time_zone` cannot be used: ",
        ),
        (
            "timing.jitter = \"60d\"",
            "6:17: jitter 60d is not smaller than the period 30d",
        ),
        ("timing.window = [\"whenever\"]", "6:17: "),
        (
            "in_place = \" \"",
            "6:12: `in_place` has no reason\n  help: write why, in a few words, for the audit",
        ),
    ] {
        check_team(&format!("{SECRET}{line}\n"), expected);
    }
}

#[test]
fn templates_of_fields() {
    for (template, expected) in [
        (
            "{value",
            "a `{` without its partner; write `{{` for a literal brace",
        ),
        (
            "{value|hex}",
            "unknown filter `hex`; the filters are `url`, `json` and `base64`",
        ),
        (
            "{pasword}",
            "a credential of `manual` has no field `pasword`\n  help: it has `value`",
        ),
        (
            "{a b}",
            "`{a b}` is not a placeholder; write `{field}` or `{previous.field}`",
        ),
    ] {
        let text = SECRET.replace(
            "path = \"a\"",
            &format!("path = \"a\", fields = {{ F = \"{template}\" }}"),
        );
        check_team(&text, &format!("4:60: {expected}"));
    }
}

#[test]
fn consumers() {
    for (consumer, expected) in [
        (
            "x = { verify = { exec = \"check-app\" } }",
            "5:11: consumer `x` has no `notify`\n  help: say `notify = { none = \"why nothing need be done\" }` where there is none",
        ),
        (
            "x = { notify = { none = \"reads it\" } }",
            "5:11: consumer `x` has no `verify`\n  help: say `verify = { none = \"why it cannot be seen\" }` where there is none",
        ),
        (
            "x = { notify = { none = \"\" }, verify = { exec = \"check-app\" } }",
            "5:35: `none` has no reason\n  help: write why, in a few words, for the audit",
        ),
        (
            "x = { notify = { none = \"reads it\", exec = \"check-app\" }, verify = { exec = \"check-app\" } }",
            "5:26: `notify` needs exactly one of `http`, `exec`, `none`",
        ),
        (
            "x = { notify = { none = \"reads it\" }, verify = { exec = \"check-ap\" } }",
            "5:67: unknown program `check-ap`\n  help: did you mean `check-app`?",
        ),
        (
            "x = { notify = { none = \"reads it\" }, verify = { exec = \"check-app\", pid_file = \"p\" } }",
            "5:80: `pid_file` goes with `file` only",
        ),
        (
            "x = { notify = { none = \"reads it\" }, verify = { file = \"/run/a\" } }",
            "5:11: consumer `x` can be seen as `delivered` at most, but `claimed` is asked for\n  help: verify it another way, or accept less: `proof = \"delivered\"`",
        ),
        (
            "x = { reads = \"other\", notify = { none = \"reads it\" }, verify = { exec = \"check-app\" } }",
            "5:25: unknown destination `other`\n  help: known here: `main:a`",
        ),
        (
            "x = { instances = 0, notify = { none = \"reads it\" }, verify = { exec = \"check-app\" } }",
            "5:29: `instances` must be a whole number from 1 up",
        ),
        (
            "x = { instances = 2, notify = { none = \"reads it\" }, verify = { exec = \"check-app\", instances = 2 } }",
            "5:17: `instances` is said here and in `verify`",
        ),
    ] {
        check_team(&format!("{OPEN}consumers.{consumer}\n"), expected);
    }
    check_team(
        OPEN,
        "1:10: `production/a` lists no consumers\n  help: list who uses it, or say `no_consumers = \"why\"`",
    );
    let canary =
        "canary = true, notify = { none = \"reads it\" }, verify = { exec = \"check-app\" }";
    check_team(
        &format!("{OPEN}[secrets.a.consumers]\nx = {{ {canary} }}\ny = {{ {canary} }}\n"),
        "5:12: every consumer is a canary, so none is\n  help: leave `canary` with the one that is to be tried first",
    );
}

#[test]
fn addresses() {
    for (address, expected) in [
        (
            "chat.internal/reload",
            "not an absolute address\n  help: write it as https://host/path",
        ),
        ("ftp://chat.internal/", "not an http or https address"),
        (
            "http://chat.internal/",
            "`chat.internal` is not this machine, so its address needs https",
        ),
        (
            "http://169.254.169.254/latest",
            "`169.254.169.254` is a metadata or link-local host, never called",
        ),
        (
            "http://0xa9fea9fe/latest",
            "`169.254.169.254` is a metadata or link-local host, never called",
        ),
        (
            "https://metadata.google.internal/",
            "`metadata.google.internal` is a metadata or link-local host, never called",
        ),
        (
            "https://other.internal/",
            "host `other.internal` is not allowed for `production`\n  help: add it to `hosts.production` in keywheel.toml",
        ),
        (
            "https://example@chat.internal/",
            "an address with a credential in it\n  help: use `bearer = { env = \"NAME\" }` or `bearer = { file = \"path\" }`",
        ),
        (
            "https://chat.internal/?api_key=example",
            "an address with a credential in it\n  help: use `bearer = { env = \"NAME\" }` or `bearer = { file = \"path\" }`",
        ),
    ] {
        let consumer = format!(
            "x = {{ notify = {{ none = \"reads it\" }}, verify = {{ http = \"{address}\" }} }}"
        );
        check_team(
            &format!("{OPEN}consumers.{consumer}\n"),
            &format!("5:67: {expected}"),
        );
    }
    for allowed in [
        "http://localhost:8080/",
        "https://[::1]/",
        "https://gw.svc.example.com/",
    ] {
        let consumer = format!(
            "x = {{ notify = {{ none = \"reads it\" }}, verify = {{ http = \"{allowed}\" }} }}"
        );
        let files = Files::usual().with(
            "inventory/production/t.toml",
            &format!("{OPEN}consumers.{consumer}\n"),
        );
        assert_eq!(told(&files), [""; 0], "{allowed}");
    }
}

const BY_REFERENCE: &str =
    "\n  help: keep the value out of the file: `{ env = \"NAME\" }` or `{ file = \"path\" }`";

#[test]
fn literal_secrets_are_refused_and_never_repeated() {
    // Counting digits and letters: random to the rule, not to a scanner.
    let random = "0123456789abcdef0123456789abcdef";
    for (line, expected) in [
        (
            "value = \"example\"".to_owned(),
            "6:9: `value` holds a literal secret",
        ),
        (
            "api_key = \"example\"".to_owned(),
            "6:11: `api_key` holds a literal secret",
        ),
        (
            format!("impact = \"{random}\""),
            "6:10: `impact` holds what looks like a credential",
        ),
        (
            format!("tags = [\"{random}\"]"),
            "6:9: `tags` holds what looks like a credential",
        ),
    ] {
        check_team(
            &format!("{SECRET}{line}\n"),
            &format!("{expected}{BY_REFERENCE}"),
        );
    }
    for (from, to, expected) in [
        (
            "{ use = \"people\" }",
            "{ use = \"people\", token = \"example\" }",
            "3:36: `token` holds a literal secret",
        ),
        (
            "path = \"a\"",
            "path = \"a\", fields = { DB_PASSWORD = \"example\" }",
            "4:70: `DB_PASSWORD` holds a literal secret",
        ),
        (
            "{ use = \"people\" }",
            "{ kind = \"exec\", program = \"check-app\", config = { admin = { password = \"example\" } } }",
            "3:82: `password` holds a literal secret",
        ),
    ] {
        check_team(
            &SECRET.replace(from, to),
            &format!("{expected}{BY_REFERENCE}"),
        );
    }
    let consumer = "x = { notify = { http = \"http://localhost/\", bearer = \"example\" }, verify = { exec = \"check-app\" } }";
    check_team(
        &format!("{OPEN}consumers.{consumer}\n"),
        &format!("5:65: `bearer` holds a literal secret{BY_REFERENCE}"),
    );
}

#[test]
fn a_literal_is_not_repeated_by_any_other_message() {
    let random = "0123456789abcdef0123456789abcdef";
    let check = "verify = { exec = \"check-app\" }";
    for line in [
        format!("like = \"{random}\""),
        format!("schedule = \"{random}\""),
        format!("formerly = [\"a b/{random}\"]"),
        format!("timing.apart_from = [\"{random}\"]"),
        format!("timing.cron = \"{random}\""),
        format!("timing.every = \"{random}\""),
        format!("timing.time_zone = \"{random}\""),
        format!("timing.window = [\n  \"{random}\",\n]"),
        format!("consumers.x = {{ notify = {{ http = \"https://{random}/\" }}, {check} }}"),
        format!("consumers.x = {{ notify = {{ exec = \"{random}\" }}, {check} }}"),
        format!("consumers.x = {{ reads = \"{random}\", notify = {{ none = \"x\" }}, {check} }}"),
        format!("manage = \"{random}\""),
    ] {
        let files =
            Files::usual().with("inventory/production/t.toml", &format!("{SECRET}{line}\n"));
        let told = told(&files);
        assert!(!told.is_empty(), "{line}");
        assert!(told.iter().all(|text| !text.contains(random)), "{told:?}");
    }
}

#[test]
fn generated_values() {
    let generated = OPEN.replace("{ use = \"people\" }", "{ kind = \"random\" }");
    let watcher =
        "consumers.x = { notify = { none = \"reads it\" }, verify = { exec = \"check-app\" } }\n";
    check_team(
        &format!("{generated}{watcher}"),
        "3:10: a generated value without the previous one beside it breaks its consumers when it changes\n  \
         help: publish `{previous.value}` in a field for consumers that accept both, or say `in_place = \"why\"`",
    );
    let both = generated.replace(
        "path = \"a\"",
        "path = \"a\", fields = { A = \"{value}\", B = \"{previous.value}\" }",
    );
    check_team(
        &format!("{both}{watcher}"),
        "5:11: consumer `x` of a generated value has no `role`\n  \
         help: `accepts` takes old and new side by side, `presents` shows it to others",
    );
    let second = both.replace("}]\n", "}, { store = \"main\", path = \"b\" }]\n");
    let accepts = watcher.replace("x = {", "x = { role = \"accepts\", reads = \"main:b\",");
    check_team(
        &format!("{second}{accepts}"),
        "5:11: consumer `x` accepts old and new, but reads no field with `{previous.value}`",
    );
    let in_place = format!("{generated}in_place = \"one process\"\n{watcher}");
    assert_eq!(
        told(&Files::usual().with("inventory/production/t.toml", &in_place)),
        [""; 0]
    );
}
