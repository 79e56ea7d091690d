//! `[programs.NAME]`: what the inventory may have run.

use super::file::{Problem, Table};
use keywheel_schedules::Span;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A program as declared; the `exec` provider runs it without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramSpec {
    /// Absolute.
    pub path: PathBuf,
    /// Lower-case hexadecimal; another file is not run.
    pub sha256: Option<String>,
    /// Fixed arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Handed to the program with each call; an issuer's or a store's own `config` goes over it.
    pub config: Map<String, Value>,
    /// How long one call may take, where it differs from the provider's default.
    pub deadline: Option<Span>,
    /// Most bytes of one answer, where it differs from the provider's default.
    pub max_output: Option<u32>,
}

pub(super) fn programs(
    config: &Table,
    base: &Path,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, ProgramSpec> {
    let mut programs = BTreeMap::new();
    for (name, entry) in config.entries("programs") {
        if let Some(table) = entry.node.table() {
            problems.extend(wrong_hash(table));
            programs.insert(name.to_owned(), program(table, base));
        }
    }
    programs
}

fn program(table: &Table, base: &Path) -> ProgramSpec {
    let env = table.entries("env").filter_map(|(name, entry)| {
        let text = entry.node.text()?;
        Some((name.to_owned(), text.to_owned()))
    });
    ProgramSpec {
        path: base.join(table.text("path").unwrap_or_default()),
        sha256: table.text("sha256").map(str::to_ascii_lowercase),
        args: table.texts("args"),
        env: env.collect(),
        config: table.table("config").map(Table::json).unwrap_or_default(),
        deadline: table.text("deadline").and_then(|text| text.parse().ok()),
        max_output: table.count("max_output"),
    }
}

fn wrong_hash(table: &Table) -> Option<Problem> {
    let node = table.node("sha256")?;
    let text = node.text()?;
    let valid = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let message = "`sha256` must be 64 hexadecimal digits";
    (!valid).then(|| Problem::at(&node.place, message).help("print it with `sha256sum FILE`"))
}
