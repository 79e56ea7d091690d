//! The pages for people tell the truth: their commands are real commands, their links lead somewhere, their
//! tables are those of the code.

use clap::{CommandFactory as _, Parser as _};
use keywheel::cli::Cli;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// Pages, relative to the repository, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in [
        "",
        "docs",
        "docs/decisions",
        "docs/providers",
        "deploy/quickstart",
    ] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        paths.extend(entries.map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    paths.sort();
    let page = |path: PathBuf| (path.clone(), fs::read_to_string(&path).unwrap());
    paths.into_iter().map(page).collect()
}

/// Lines of the fences of one language.
fn fenced<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let mut lines = Vec::new();
    let mut inside = None;
    for line in text.lines() {
        match (line.trim().strip_prefix("```"), inside) {
            (Some(opened), None) => inside = Some(opened),
            (Some(_), Some(_)) => inside = None,
            (None, Some(this)) if this == language => lines.push(line.trim()),
            (None, _) => {}
        }
    }
    lines
}

/// Text outside of fences.
fn prose(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// Words as a shell would give them to the program; quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_in_a_fence_is_understood() {
    let mut seen = 0;
    for (path, text) in pages() {
        for line in fenced(&text, "sh") {
            if !line.starts_with("keywheel ") {
                continue;
            }
            let parsed = Cli::try_parse_from(words(line));
            assert!(
                parsed.is_ok(),
                "{}: `{line}`: {}",
                path.display(),
                parsed.err().unwrap()
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
}

/// `keywheel a b …` in running text names commands as far as its words are plain.
#[test]
fn every_command_in_the_text_exists() {
    let program = Cli::command();
    for (path, text) in pages() {
        let prose = prose(&text);
        for span in prose.split('`').skip(1).step_by(2) {
            let Some(rest) = span.strip_prefix("keywheel ") else {
                continue;
            };
            let mut at = &program;
            for word in rest.split(' ') {
                match at.find_subcommand(word) {
                    Some(found) => at = found,
                    None => break,
                }
            }
            let known = at.get_name() != program.get_name() || rest.starts_with('-');
            assert!(known, "{}: `{span}` is no command", path.display());
            assert!(
                flags(rest).all(|flag| takes(at, flag)),
                "{}: `{span}` has a flag that it does not take",
                path.display()
            );
        }
    }
}

fn flags(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter_map(|word| word.strip_prefix("--"))
}

fn takes(command: &clap::Command, flag: &str) -> bool {
    let known = |argument: &clap::Arg| argument.get_long() == Some(flag);
    ["help", "version", "config"].contains(&flag) || command.get_arguments().any(known)
}

#[test]
fn every_link_leads_somewhere() {
    for (path, text) in pages() {
        let prose = prose(&text);
        for link in prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", path.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let known = text.lines().any(|line| anchor_of(line) == anchor);
                assert!(known, "{}: {link}", path.display());
            }
        }
    }
}

/// The anchor of a heading: its words in lower case, with hyphens.
fn anchor_of(line: &str) -> String {
    let title = line.trim_start_matches('#').trim().to_lowercase();
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    match line.starts_with('#') {
        true => kept.collect::<String>().replace(' ', "-"),
        false => String::new(),
    }
}

#[test]
fn the_commands_of_the_readme_are_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let scripts: Vec<&str> = fenced(&readme, "sh")
        .into_iter()
        .filter(|line| line.starts_with("./"))
        .collect();
    assert_eq!(scripts, ["./scripts/demo", "./scripts/test"]);
    for script in scripts {
        let mode = fs::metadata(root.join(script))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{script} cannot be started");
    }
}

#[test]
fn the_table_of_presets_is_that_of_the_presets() {
    let (_, text) = pages()
        .into_iter()
        .find(|(path, _)| path.ends_with("docs/schedules.md"))
        .unwrap();
    let presets = ["production", "staging", "development"].map(|wanted| {
        let found = keywheel_schedules::presets()
            .iter()
            .find(|(name, _)| *name == wanted);
        found.unwrap().1.parse::<toml::Table>().unwrap()
    });
    for key in presets[0].keys() {
        let values = presets
            .each_ref()
            .map(|preset| preset[key].as_str().unwrap());
        let row = format!("| `{key}` | {} |", values.join(" | "));
        assert!(text.contains(&row), "docs/schedules.md lacks: {row}");
    }
}

#[test]
fn the_map_of_the_code_names_what_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    assert!(
        text.lines().count() < 150,
        "the map is to be read at one sitting"
    );
    let spans = text.split('`').skip(1).step_by(2);
    for path in spans.filter(|span| span.starts_with("src/") || span.starts_with("providers/")) {
        assert!(root.join(path).exists(), "ARCHITECTURE.md names {path}");
    }
}

#[test]
fn the_role_of_the_manual_is_the_one_that_the_tests_run_with() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/providers/google.md")).unwrap();
    let role = fs::read_to_string(root.join("providers/google/role.yaml")).unwrap();
    let lines: Vec<&str> = role.lines().collect();
    assert_eq!(fenced(&page, "yaml"), lines);
}

#[test]
fn the_policies_of_the_manual_are_those_that_the_tests_run_with() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (page, language, policy) in [
        ("docs/providers/aws.md", "json", "providers/aws/policy.json"),
        (
            "docs/providers/redis.md",
            "acl",
            "providers/redis/rights.acl",
        ),
        (
            "docs/providers/vault.md",
            "hcl",
            "providers/vault/policy.hcl",
        ),
    ] {
        let page = fs::read_to_string(root.join(page)).unwrap();
        let policy = fs::read_to_string(root.join(policy)).unwrap();
        let rules = policy.lines().filter(|line| !line.starts_with('#'));
        let rules: Vec<&str> = rules.map(str::trim).collect();
        assert_eq!(fenced(&page, language), rules);
    }
}

#[test]
fn the_statements_of_the_manual_are_those_that_the_tests_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/providers/postgres.md")).unwrap();
    let read = |file: &str| fs::read_to_string(root.join("providers/postgres").join(file)).unwrap();
    let setup = read("setup.sql") + &read("setup-16.sql");
    assert_eq!(fenced(&page, "sql"), setup.lines().collect::<Vec<_>>());
    let page = fs::read_to_string(root.join("docs/providers/mysql.md")).unwrap();
    let read = |file: &str| fs::read_to_string(root.join("providers/mysql").join(file)).unwrap();
    let setup = read("rights.sql") + &read("turns.sql");
    assert_eq!(fenced(&page, "sql"), setup.lines().collect::<Vec<_>>());
}

#[test]
fn the_policy_of_the_manual_is_the_one_that_the_tests_run_with() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/providers/aws-iam.md")).unwrap();
    let policy = fs::read_to_string(root.join("providers/aws/iam-policy.json")).unwrap();
    let lines: Vec<&str> = policy.lines().map(str::trim).collect();
    assert_eq!(fenced(&page, "json"), lines);
}

#[test]
fn the_role_of_the_manual_is_the_one_that_the_store_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/providers/azure.md")).unwrap();
    let role = fs::read_to_string(root.join("providers/azure/role.json")).unwrap();
    let lines: Vec<&str> = role.lines().map(str::trim).collect();
    assert_eq!(fenced(&page, "json"), lines);
}
