//! Files that clash, are lost or do not fit, and exactly what people are told.

use super::super::testing::Files;
use super::bad_inputs::{SECRET, told};

#[test]
fn several_files() {
    let second = SECRET.replace("path = \"a\"", "path = \"b\"");
    for (other, expected) in [
        (
            second.clone(),
            "2.toml:1:10: `production/a` is already defined at inventory/production/1.toml:1\n  help: give one of them another name",
        ),
        (
            SECRET.replace("secrets.a", "secrets.b"),
            "2.toml:4:14: `production/a` publishes to `main:a` too\n  help: two secrets in one place would overwrite each other",
        ),
        (
            format!(
                "{}formerly = [\"a\"]\n",
                second.replace("secrets.a", "secrets.b")
            ),
            "2.toml:6:12: `formerly` names `production/a`, which is defined at inventory/production/1.toml:1",
        ),
    ] {
        let files = Files::usual()
            .with("inventory/production/1.toml", SECRET)
            .with("inventory/production/2.toml", &other);
        assert_eq!(told(&files), [format!("inventory/production/{expected}")]);
    }
    let former = |name: &str| {
        let text = SECRET.replace("secrets.a", &format!("secrets.{name}"));
        format!(
            "{}formerly = [\"z\"]\n",
            text.replace("path = \"a\"", &format!("path = \"{name}\""))
        )
    };
    let files = Files::usual()
        .with("inventory/production/1.toml", &former("x"))
        .with("inventory/production/2.toml", &former("y"));
    assert_eq!(
        told(&files),
        ["inventory/production/2.toml:6:12: `production/x` says too that it was `production/z`"]
    );
}

#[test]
fn other_files() {
    for (path, text, expected) in [
        (
            "inventory/stray.toml",
            "",
            "inventory/stray.toml: nobody reads this file\n  help: secrets lie in a folder for each environment, the rest in shared.toml",
        ),
        (
            "inventory/production/deep/x.toml",
            "",
            "inventory/production/deep/x.toml: nobody reads this file\n  help: files lie directly in the folder of their environment",
        ),
        (
            "inventory/a b/environment.toml",
            "environment = \"a b\"\n",
            "inventory/a b/environment.toml:1:15: `a b` is not a name\n  help: use letters, digits, `.`, `_` and `-`, and begin with a letter or digit",
        ),
        (
            "inventory/staging/x.toml",
            "",
            "inventory/staging/environment.toml: is missing\n  help: write `environment = \"staging\"` into it",
        ),
        (
            "inventory/staging/environment.toml",
            "environment = \"stagin\"\n",
            "inventory/staging/environment.toml:1:15: `environment` differs from the folder's name, `staging`",
        ),
        (
            "inventory/staging/environment.toml",
            "environment = \"staging\"\n[stores.x]\nkind = \"files\"\n",
            "inventory/staging/environment.toml:3:1: `root` is missing\n  help: folder; each path is a file below it",
        ),
        (
            "schedules/production.toml",
            "every = \"1d\"\nprove_within = \"1h\"\n",
            "schedules/production.toml:1:1: there is a preset `production`\n  help: say `replaces = \"production\"`, or give the file another name",
        ),
        (
            "schedules/mine.toml",
            "replaces = \"production\"\nevery = \"1d\"\nprove_within = \"1h\"\n",
            "schedules/mine.toml:1:12: `replaces` must name the preset that is called like this file",
        ),
    ] {
        assert_eq!(told(&Files::usual().with(path, text)), [expected]);
    }
    let shared =
        "[owners]\nml = { escalate_to = \"ser\" }\nsre = { email = \"sre@example.com\" }\n";
    assert_eq!(
        told(&Files::usual().with("inventory/shared.toml", shared)),
        ["inventory/shared.toml:2:22: unknown owner `ser`\n  help: did you mean `sre`?"]
    );
}

#[test]
fn keywheel_toml() {
    const USUAL: &str = "journal = \"sqlite://k.db\"\nseal = { key_file = \"k\" }\n";
    for (text, expected) in [
        (
            "seal = { key_file = \"k\" }\n".to_owned(),
            "1:1: `journal` is missing\n  help: `sqlite://keywheel.db` or `postgres://host/database`",
        ),
        (
            USUAL.replace("sqlite:", "mysql:"),
            "1:11: `journal` is not the address of a database\n  help: write `sqlite://keywheel.db` or `postgres://host/database`",
        ),
        (
            USUAL.replace("sqlite://k.db", "postgres://db/k?password=example"),
            "1:11: `journal` holds a literal secret\n  help: leave the password out and give it in a password file (PGPASSFILE)",
        ),
        (
            format!("{USUAL}listne = \"127.0.0.1:1\"\n"),
            "3:1: unknown key `listne`\n  help: did you mean `listen`?",
        ),
        (
            format!("{USUAL}listen = \"0.0.0.0:7780\"\n"),
            "3:10: `listen` must be a loopback address: the server has no TLS\n  help: listen on 127.0.0.1:7780 and put a TLS proxy in front",
        ),
        (
            format!("{USUAL}listen = \"localhost\"\n"),
            "3:10: `listen` is not an address and a port\n  help: write it as \"127.0.0.1:7780\"",
        ),
        (
            format!("{USUAL}hosts = {{ production = [\"*\"] }}\n"),
            "3:25: `*` is not a host: write a name, an address, or `*.` and a suffix",
        ),
        (
            format!("{USUAL}hosts = {{ production = [\"169.254.1.1\"] }}\n"),
            "3:25: `169.254.1.1` is a metadata or link-local host, never called",
        ),
        (
            format!("{USUAL}programs.p = {{ path = \"/p\", sha256 = \"abc\" }}\n"),
            "3:38: `sha256` must be 64 hexadecimal digits\n  help: print it with `sha256sum FILE`",
        ),
        (
            format!(
                "{USUAL}programs.p = {{ path = \"/p\", env = {{ API_TOKEN = \"example\" }} }}\n"
            ),
            "3:49: `API_TOKEN` holds a literal secret\n  help: keep the value out of the file: `{ env = \"NAME\" }` or `{ file = \"path\" }`",
        ),
    ] {
        assert_eq!(
            told(&Files::usual().with("keywheel.toml", &text)),
            [format!("keywheel.toml:{expected}")]
        );
    }
}

#[test]
fn all_problems_come_at_once_in_the_order_of_files_and_lines() {
    let files = Files::usual()
        .with(
            "inventory/production/1.toml",
            "[secrets.a]\nlike = \"service-tokn\"\n[secrets.b]\nonwer = \"x\"\n",
        )
        .with("inventory/production/2.toml", "[secrets.c]\n");
    let places: Vec<_> = files
        .read()
        .unwrap_err()
        .iter()
        .map(|problem| {
            (
                problem.file.rsplit('/').next().unwrap().to_owned(),
                problem.line,
            )
        })
        .collect();
    let expected = [
        ("1.toml", 2),
        ("1.toml", 3),
        ("1.toml", 3),
        ("1.toml", 3),
        ("1.toml", 4),
    ];
    let expected: Vec<_> = expected
        .iter()
        .chain(&[("2.toml", 1); 3])
        .map(|(file, line)| ((*file).to_owned(), *line))
        .collect();
    assert_eq!(places, expected);
}
