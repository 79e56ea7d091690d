//! `keywheel.toml`: where everything is, and what the inventory may make the daemon call and run.
//!
//! Reading has no side effects: nothing is opened, bound or created.

pub(crate) mod addresses;
pub(crate) mod file;
mod hosts;
mod journal;
mod keys;
mod listen;
mod programs;
mod seal;
mod units;

pub use file::Problem;
pub use hosts::Hosts;
pub(crate) use hosts::{is_this_machine, never_called};
pub(crate) use keys::CONFIG;
pub use programs::ProgramSpec;
pub use seal::Seal;
pub use units::Units;
pub(crate) use units::wrong_unit;

use file::{Table, check, parse};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Name of the file, and what messages call it.
pub const FILE_NAME: &str = "keywheel.toml";

/// The variable that names the file where no argument does.
pub const VARIABLE: &str = "KEYWHEEL_CONFIG";

/// What `keywheel.toml` says. Every path is absolute.
#[derive(Clone)]
pub struct Config {
    /// The folder of the file, from which relative paths count.
    pub base: PathBuf,
    /// Address of the journal.
    pub journal: String,
    /// Folder of the inventory.
    pub inventory: PathBuf,
    /// Folder of the user's own schedules; it need not exist.
    pub schedules: PathBuf,
    /// Loopback address at which a daemon answers requests; it listens nowhere where there is none.
    pub listen: Option<SocketAddr>,
    /// Folder of the user's own packs for issuers of kind `http`; it need not exist.
    pub packs: PathBuf,
    /// The seal key.
    pub seal: Seal,
    /// Hosts that notify and verify may call.
    pub hosts: BTreeMap<String, Hosts>,
    /// Services of this machine's systemd that the inventory may name.
    pub units: BTreeMap<String, Units>,
    /// Programs that the inventory may name.
    pub programs: BTreeMap<String, ProgramSpec>,
    /// SHA-256 of the file, in hexadecimal.
    pub(crate) hash: String,
    /// The file itself: its defaults, stores and issuers are a layer of the inventory.
    pub(crate) tree: Table,
}

impl Config {
    /// Finds the file and loads it: the argument, else `KEYWHEEL_CONFIG`, else `keywheel.toml` in the current
    /// folder.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn find(argument: Option<&Path>) -> Result<Self, Vec<Problem>> {
        Self::load(&choose(argument, std::env::var_os(VARIABLE)))
    }

    /// A path as a person wrote it, counted from the file's folder. Definitions keep paths as written, so that
    /// replicas with their files in different folders agree on them; whoever opens one asks here first.
    pub fn absolute(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }

    /// Whether both were read from the same text.
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    /// Reads the file at this path.
    ///
    /// # Errors
    /// Every problem of the file at once, or that it cannot be read.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let unreadable =
            |error: std::io::Error| {
                let problem = Problem::whole(
                    path.display().to_string(),
                    format!("cannot be read: {error}"),
                );
                vec![problem.help(
                    "make one with `keywheel init`, or name it with --config or KEYWHEEL_CONFIG",
                )]
            };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let path = std::path::absolute(path).map_err(unreadable)?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("/")))
    }

    /// Reads the text of a file that lies in the folder `base`.
    ///
    /// # Errors
    /// Every problem at once, in the order of the file.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Vec<Problem>> {
        let (tree, mut problems) = parse(FILE_NAME, text);
        if problems.is_empty() {
            let start = file::Place::start(FILE_NAME);
            problems = check(&tree, &CONFIG, &start);
        }
        let folder = |key: &str| base.join(tree.text(key).unwrap_or(key));
        let config = Self {
            base: base.to_owned(),
            journal: journal::journal(&tree, base, &mut problems),
            inventory: folder("inventory"),
            schedules: folder("schedules"),
            packs: folder("packs"),
            listen: listen::listen(&tree, &mut problems),
            seal: seal::seal(&tree, base),
            hosts: hosts::hosts(&tree, &mut problems),
            units: units::units(&tree, &mut problems),
            programs: programs::programs(&tree, base, &mut problems),
            hash: file::hash(text),
            tree,
        };
        let problems = file::told_once(problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }
}

fn choose(argument: Option<&Path>, variable: Option<OsString>) -> PathBuf {
    let named = argument.map(Path::to_owned);
    let from_variable = variable.filter(|text| !text.is_empty()).map(PathBuf::from);
    named
        .or(from_variable)
        .unwrap_or_else(|| PathBuf::from(FILE_NAME))
}

#[cfg(test)]
mod tests {
    use super::{Config, choose};
    use std::path::{Path, PathBuf};

    const SMALL: &str = "journal = \"sqlite://keywheel.db\"\nseal = { key_file = \"seal.key\" }\n";

    #[test]
    fn the_argument_wins_over_the_variable_over_the_current_folder() {
        let path = Path::new("a.toml");
        assert_eq!(choose(Some(path), Some("b.toml".into())), path);
        assert_eq!(choose(None, Some("b.toml".into())), PathBuf::from("b.toml"));
        assert_eq!(
            choose(None, Some("".into())),
            PathBuf::from("keywheel.toml")
        );
    }

    #[test]
    fn paths_count_from_the_file_and_nothing_listens_unasked() {
        let config = Config::parse(SMALL, Path::new("/etc/keywheel"))
            .ok()
            .unwrap();
        assert_eq!(config.journal, "sqlite:///etc/keywheel/keywheel.db");
        assert_eq!(config.inventory, PathBuf::from("/etc/keywheel/inventory"));
        assert_eq!(
            config.seal.key_file,
            PathBuf::from("/etc/keywheel/seal.key")
        );
        assert_eq!(config.listen, None);
    }

    #[test]
    fn a_program_is_read_whole() {
        let text = format!(
            "{SMALL}[programs.check]\npath = \"/opt/check\"\nargs = [\"-q\"]\nenv = {{ LANG = \"C\" }}\ndeadline = \"5s\"\n"
        );
        let config = Config::parse(&text, Path::new("/etc")).ok().unwrap();
        let program = &config.programs["check"];
        assert_eq!((program.args.len(), program.env["LANG"].as_str()), (1, "C"));
        assert_eq!(program.deadline, Some(keywheel_schedules::Span::seconds(5)));
    }

    #[test]
    fn a_file_that_is_not_there_leads_to_init() {
        let problems = Config::load(Path::new("/nonexistent/keywheel.toml"))
            .err()
            .unwrap();
        assert!(
            problems[0].to_string().contains("keywheel init"),
            "{}",
            problems[0]
        );
    }
}
