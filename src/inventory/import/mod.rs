//! Entries for secrets that exist already: from what a store holds or a spreadsheet says to text for a file of the
//! inventory. Pure, but for reading and writing that file.
//!
//! Every entry is `manage = "track"`: nothing is rotated by importing. What has no name, no owner or no place of its
//! own is a finding with its row; nothing is guessed.

mod draft;
mod file;
mod fit;
mod rules;
mod sheet;
mod text;

pub use draft::{Draft, drafts, unknown};
pub use file::{Team, TeamError};
pub use fit::{Fitted, fitted};
pub use rules::{NameFrom, OwnerFrom, Rules};
pub use sheet::{COLUMNS, Sheet, SheetError, sheet};

use super::holdings::{Holding, Side};
use std::collections::BTreeMap;

/// A secret that somebody wants an entry for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// How findings name it: its path in the store, or its row.
    pub source: String,
    /// The environment.
    pub environment: String,
    /// Key of the store.
    pub store: String,
    /// Where it lies there.
    pub path: String,
    /// In which fields; none where the value is the whole content.
    pub fields: Vec<String>,
    /// Labels that the store has for it.
    pub store_tags: BTreeMap<String, String>,
    /// Its name, where a row says it.
    pub name: Option<String>,
    /// Key of its owner, where a row says it.
    pub owner: Option<String>,
    /// What breaks when it does.
    pub impact: Option<String>,
    /// Labels for the entry.
    pub tags: Vec<String>,
    /// The issuer's id of the credential in use.
    pub current_id: Option<String>,
}

/// Why something gets no entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// As [`Wish::source`].
    pub source: String,
    /// What is wrong, without values.
    pub problem: String,
    /// What to do.
    pub help: Option<String>,
    /// The owner that nobody knows, where that is it.
    pub missing_owner: Option<String>,
}

impl Finding {
    fn new(source: &str, problem: impl Into<String>) -> Self {
        Self {
            source: source.to_owned(),
            problem: problem.into(),
            help: None,
            missing_owner: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What of a store has no entry: wishes for what can be imported, findings for what another system rotates.
pub fn wishes(environment: &str, store: &str, holdings: &[Holding]) -> (Vec<Wish>, Vec<Finding>) {
    let new = |holding: &&Holding| holding.side == Side::NotInInventory;
    let wish = |holding: &Holding| Wish {
        source: source(holding),
        environment: environment.to_owned(),
        store: store.to_owned(),
        path: holding.listed.path.clone(),
        fields: holding.listed.fields.clone(),
        store_tags: holding.listed.tags.clone(),
        ..Wish::default()
    };
    let wishes = holdings.iter().filter(new).map(wish).collect();
    let native = holdings
        .iter()
        .filter(|holding| holding.side == Side::NativelyManaged && holding.id.is_none());
    let findings = native.map(|holding| {
        let by = holding.listed.natively_managed_by.as_deref();
        let problem = format!("it is rotated by {}", by.unwrap_or("another system"));
        Finding::new(&source(holding), problem).help("leave it there, or end that first")
    });
    (wishes, findings.collect())
}

fn source(holding: &Holding) -> String {
    let listed = &holding.listed;
    match listed.fields.as_slice() {
        [field] => format!("{} {field}", listed.path),
        _ => listed.path.clone(),
    }
}
