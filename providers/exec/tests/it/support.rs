//! What the tests of this crate share: the shim, and programs in a directory of their own.

use keywheel_contract::{Credential, CredentialId, Fields, SecretValue};
use keywheel_provider_exec::{Config, Launcher, Program, ProgramOptions};
use std::path::Path;

/// A value that must be seen nowhere.
pub(crate) const CANARY: &str = "example-canary-of-the-tests";

pub(crate) fn launcher() -> Launcher {
    Launcher {
        shim: vec![env!("CARGO_BIN_EXE_keywheel-exec-shim").into()],
    }
}

/// A program of this crate, by its path below the crate, running in `directory`.
pub(crate) fn program(below: &str, options: &str, directory: &Path) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(below);
    let text = format!("path = '{}'\n{options}", path.display());
    let options: ProgramOptions = toml::from_str(&text).unwrap();
    Program::new("example", options, directory).unwrap()
}

pub(crate) fn config(pairs: &[(&str, &str)]) -> Config {
    let pair = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).into());
    pairs.iter().map(pair).collect()
}

pub(crate) fn canary() -> Credential {
    Credential {
        id: CredentialId::new("example-id"),
        fields: Fields::single(SecretValue::from(CANARY.to_owned())),
    }
}
