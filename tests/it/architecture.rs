//! The shape that ARCHITECTURE.md describes, held by reading the sources: what may use what, and how long a file is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const LONGEST_FILE: usize = 500;

/// Who may use these: only the modules named. Dependencies point from the command line down to the journal.
const UPPER: [(&str, &[&str]); 5] = [
    ("cli", &["cli", "main"]),
    ("daemon", &["daemon", "cli", "main"]),
    ("api", &["api", "daemon", "cli"]),
    ("page", &["page", "api", "daemon", "cli"]),
    ("scheduler", &["scheduler", "daemon", "cli"]),
];

/// Modules with their whole list of modules that they may use.
const LOWER: [(&str, &[&str]); 6] = [
    ("clock", &[]),
    ("seal", &[]),
    // The keys of the inventory's tables that `keywheel.toml` may hold too are named by the inventory.
    ("config", &["config", "inventory"]),
    ("inventory", &["inventory", "config"]),
    ("consumers", &["consumers", "config", "inventory"]),
    ("journal", &["journal", "clock", "inventory", "rotation"]),
];

/// Decisions: they read facts and answer, nothing else. No clock, no file, no network, no journal.
const PURE: [&str; 6] = ["phase", "plan", "gate", "facts", "words", "report"];
const IMPURE: [&str; 14] = [
    "tokio",
    "sqlx",
    "reqwest",
    "axum",
    "rustix",
    "tracing",
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
];

/// Every Rust file below a folder of the repository.
fn sources(folder: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(ROOT).join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if !path.ends_with("target") => folders.push(path),
                false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(ROOT).unwrap().display().to_string()
}

/// The file without its comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// `journal` of `src/journal/open.rs`, `main` of `src/main.rs`.
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(ROOT).join("src")).unwrap();
    let first = Path::new(inside.components().next().unwrap().as_os_str());
    first.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The modules of this crate that a text names: `crate::journal::…` and `use crate::{journal, seal::…}`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => used.extend(first_names(group)),
            None => used.extend(name_at_start(after)),
        }
    }
    used
}

fn name_at_start(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// `a` and `d` of `a::{b, c}, d}`.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut at_start) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if at_start && !c.is_whitespace() => {
                names.extend(name_at_start(&group[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

/// `tokio` is named by `tokio::spawn`, not by `my_tokio::` or `tokio_util::`.
fn names(code: &str, path: &str) -> bool {
    let start = format!("{path}::");
    let ends = |at: usize| {
        !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    };
    let item = path.rsplit_once("::");
    code.match_indices(&start).any(|(at, _)| ends(at))
        || item.is_some_and(|_| code.match_indices(path).any(|(at, _)| ends(at)))
}

#[test]
fn the_reader_of_sources_sees_what_it_must() {
    let text =
        "use crate::{journal::{Tx, ledger}, seal,\n clock::Clock};\nlet x = crate::cli::run();";
    let expected: BTreeSet<String> = ["journal", "seal", "clock", "cli"]
        .map(str::to_owned)
        .into();
    assert_eq!(used_modules(text), expected);
    assert!(names("use tokio::sync;", "tokio") && names("std::fs::read(p)", "std::fs"));
    assert!(names("use std::time::Instant;", "std::time::Instant"));
    assert!(!names("use tokio_util::sync;", "tokio") && !names("my_tokio::x", "tokio"));
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for path in sources("src") {
        let (file, module) = (shown(&path), module(&path));
        if module == "lib" {
            continue;
        }
        for used in used_modules(&code(&path)) {
            let upper = UPPER.iter().find(|(name, _)| *name == used);
            if upper.is_some_and(|(_, users)| !users.contains(&module.as_str())) {
                wrong.push(format!("{file} uses {used}, which lies above it"));
            }
            let lower = LOWER.iter().find(|(name, _)| *name == module);
            if lower.is_some_and(|(_, allowed)| !allowed.contains(&used.as_str()) && used != module)
            {
                wrong.push(format!("{file} uses {used}: {module} may not"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn decisions_are_pure() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in sources("src/rotation") {
        let inside = path
            .strip_prefix(Path::new(ROOT).join("src/rotation"))
            .unwrap();
        let first = Path::new(inside.components().next().unwrap().as_os_str())
            .file_stem()
            .unwrap();
        let Some(pure) = PURE.into_iter().find(|name| first == *name) else {
            continue;
        };
        if path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs")
        {
            continue;
        }
        seen.insert(pure);
        let code = code(&path);
        let impure = IMPURE
            .into_iter()
            .filter(|name| names(&code, name))
            .map(str::to_owned);
        let modules = used_modules(&code)
            .into_iter()
            .filter(|used| used != "rotation" && used != "inventory");
        wrong.extend(
            impure
                .chain(modules)
                .map(|name| format!("{} uses {name}", shown(&path))),
        );
    }
    assert_eq!(seen.len(), PURE.len(), "a module is gone: {seen:?}");
    assert_eq!(wrong, [""; 0]);
}

/// The journal keeps what decisions speak of; it does not call those who act.
#[test]
fn the_journal_knows_only_the_words_of_a_rotation() {
    let mut known = BTreeSet::new();
    for path in sources("src/journal") {
        let code = code(&path);
        known.extend(
            code.split("crate::rotation::")
                .skip(1)
                .filter_map(name_at_start),
        );
    }
    let acting: Vec<_> = known
        .iter()
        .filter(|name| !PURE.contains(&name.as_str()))
        .collect();
    assert!(known.contains("words") && acting.is_empty(), "{known:?}");
}

#[test]
fn only_the_journal_speaks_sql() {
    let is_sql = |code: &str| {
        let verbs = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
        names(code, "sqlx") || verbs.iter().any(|verb| code.contains(&format!("\"{verb}")))
    };
    let speaks: Vec<(String, bool)> = sources("src")
        .iter()
        .filter(|path| is_sql(&code(path)))
        .map(|path| (shown(path), module(path) == "journal"))
        .collect();
    assert!(
        speaks.iter().any(|(_, journal)| *journal),
        "SQL is no longer seen"
    );
    let elsewhere: Vec<&(String, bool)> = speaks.iter().filter(|(_, journal)| !journal).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for folder in ["src", "providers", "schedules", "tests", "examples"] {
        for path in sources(folder) {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines = text.lines().count();
            if lines > LONGEST_FILE {
                wrong.push(format!(
                    "{}: {lines} lines, at most {LONGEST_FILE}",
                    shown(&path)
                ));
            }
            if !(text.starts_with("//!") || text.starts_with("#![doc")) {
                wrong.push(format!(
                    "{}: it does not begin with what it is for",
                    shown(&path)
                ));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// Name and normal dependencies of every package of the workspace.
fn packages() -> BTreeMap<String, (PathBuf, BTreeSet<String>)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ];
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(ROOT)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let package = |package: &serde_json::Value| {
        let normal = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["kind"].is_null());
        let normal = normal.map(|one| text(&one["name"])).collect();
        (
            text(&package["name"]),
            (text(&package["manifest_path"]).into(), normal),
        )
    };
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(package)
        .collect()
}

#[test]
fn packages_depend_one_way() {
    let packages = packages();
    assert!(packages.len() >= 5, "{:?}", packages.keys());
    for (name, (_, dependencies)) in &packages {
        let ours: Vec<&str> = dependencies
            .iter()
            .map(String::as_str)
            .filter(|name| name.starts_with("keywheel"))
            .collect();
        let allowed: &[&str] = match name.as_str() {
            "keywheel" => continue,
            "keywheel-contract" => &[],
            "keywheel-host-files"
            | "keywheel-reference"
            | "keywheel-signing"
            | "keywheel-ssh-keys" => &["keywheel-contract"],
            "keywheel-database" | "keywheel-http-client" => {
                &["keywheel-contract", "keywheel-reference"]
            }
            _ => &[
                "keywheel-contract",
                "keywheel-database",
                "keywheel-host-files",
                "keywheel-http-client",
                "keywheel-reference",
                "keywheel-schedules",
                "keywheel-signing",
                "keywheel-ssh-keys",
            ],
        };
        assert!(
            ours.iter().all(|one| allowed.contains(one)),
            "{name} depends on {ours:?}"
        );
    }
}

#[test]
fn schedules_and_contract_do_no_input_or_output() {
    for name in ["keywheel-schedules", "keywheel-contract"] {
        let (_, dependencies) = &packages()[name];
        for impure in ["tokio", "sqlx", "reqwest", "axum", "rustix"] {
            assert!(!dependencies.contains(impure), "{name} depends on {impure}");
        }
    }
}

#[test]
fn every_package_has_the_lints_of_the_workspace() {
    for (name, (manifest, _)) in packages() {
        let text = std::fs::read_to_string(manifest).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{name}");
    }
}
