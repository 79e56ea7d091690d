//! A program as `keywheel.toml` declares it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);
const MAX_OUTPUT: usize = 1 << 20;

/// An outside program that answers calls of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name in `keywheel.toml`; messages call it by this.
    pub name: String,
    /// Absolute path.
    pub path: PathBuf,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits, checked before each start.
    pub sha256: Option<String>,
    /// Arguments before the operation.
    pub args: Vec<String>,
    /// The whole environment of the program. It is not a place for secrets.
    pub environment: BTreeMap<String, String>,
    /// The directory it runs in: that of `keywheel.toml`, to which every path of the project is relative.
    pub directory: PathBuf,
    /// Longest time for one call, from start to end of the process.
    pub deadline: Duration,
    /// Most bytes of one answer.
    pub max_output: usize,
}

/// `programs.NAME = { … }` of `keywheel.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramOptions {
    /// Path of the program, absolute or relative to `keywheel.toml`; never searched for in `PATH`.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal. Without it any content is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Arguments before the operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The whole environment of the program, none by default. Never secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Longest time for one call: a whole number and one of `ms`, `s`, `m`. 10 seconds by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Most bytes of one answer, 1 MiB by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<usize>,
}

impl ProgramOptions {
    /// Every key that may be written, for "did you mean".
    pub const KEYS: &'static [&'static str] =
        &["path", "sha256", "args", "env", "deadline", "max_output"];
}

/// A declaration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidProgram {
    /// The key that is wrong.
    pub key: &'static str,
    /// Which program, and what to write instead.
    pub message: String,
}

impl std::fmt::Display for InvalidProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InvalidProgram {}

impl Program {
    /// The program that `options` declare under `name`; `base` is the directory of `keywheel.toml`.
    ///
    /// Nothing is looked up: whether the file exists is known when it is started.
    ///
    /// # Errors
    /// A key has a value that can never work.
    pub fn new(name: &str, options: ProgramOptions, base: &Path) -> Result<Self, InvalidProgram> {
        let wrong = |key, rule: &str| InvalidProgram {
            key,
            message: format!("program `{name}`, `{key}`: {rule}"),
        };
        let directory = std::path::absolute(base).map_err(|_| {
            wrong(
                "path",
                "the directory it is relative to has no absolute path",
            )
        })?;
        if options.path.file_name().is_none() {
            return Err(wrong("path", "name a file"));
        }
        let sha256 = options.sha256.map(|digest| digest.to_ascii_lowercase());
        if sha256.as_deref().is_some_and(|digest| !is_sha256(digest)) {
            return Err(wrong("sha256", "write 64 hexadecimal digits"));
        }
        if options.args.iter().any(|text| text.contains('\0')) {
            return Err(wrong("args", "an argument cannot hold a zero byte"));
        }
        if !options.env.iter().all(is_variable) {
            return Err(wrong("env", "write variables as NAME = \"text\""));
        }
        let deadline = match options.deadline.as_deref() {
            None => DEADLINE,
            Some(text) => parse_deadline(text)
                .ok_or_else(|| wrong("deadline", "write 1ms to 60m, like \"10s\""))?,
        };
        let max_output = options.max_output.unwrap_or(MAX_OUTPUT);
        if max_output == 0 {
            return Err(wrong("max_output", "allow at least one byte"));
        }
        Ok(Self {
            name: name.to_owned(),
            path: directory.join(options.path),
            sha256,
            args: options.args,
            environment: options.env,
            directory,
            deadline,
            max_output,
        })
    }
}

fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_variable((name, text): (&String, &String)) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !text.contains('\0')
}

fn parse_deadline(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let number: u64 = digits.parse().ok()?;
    let millis = match &text[digits.len()..] {
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "m" => number.checked_mul(60_000)?,
        _ => return None,
    };
    (1..=3_600_000)
        .contains(&millis)
        .then(|| Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::{Program, ProgramOptions};
    use std::path::Path;
    use std::time::Duration;

    fn read(text: &str) -> Result<Program, String> {
        let options: ProgramOptions = toml::from_str(text).map_err(|error| error.to_string())?;
        Program::new("check-app", options, Path::new("/etc/keywheel")).map_err(|e| e.message)
    }

    #[test]
    fn defaults_are_a_clear_environment_and_ten_seconds() {
        let program = read("path = 'bin/check-app'").unwrap();
        assert_eq!(program.path, Path::new("/etc/keywheel/bin/check-app"));
        assert_eq!(program.directory, Path::new("/etc/keywheel"));
        assert_eq!(program.deadline, Duration::from_secs(10));
        assert_eq!(program.max_output, 1_048_576);
        assert!(program.environment.is_empty() && program.args.is_empty());
    }

    #[test]
    fn every_key_reads() {
        let digest = "AB".repeat(32);
        let program = read(&format!(
            "path = '/opt/p'\nsha256 = '{digest}'\nargs = ['-v']\nenv = {{ LANG = 'C' }}\n\
             deadline = '90s'\nmax_output = 10"
        ))
        .unwrap();
        assert_eq!(program.path, Path::new("/opt/p"));
        assert_eq!(program.sha256, Some(digest.to_lowercase()));
        assert_eq!(program.deadline, Duration::from_secs(90));
        assert_eq!(program.environment["LANG"], "C");
        assert_eq!((program.args.len(), program.max_output), (1, 10));
    }

    #[test]
    fn the_list_of_keys_is_the_list_that_serde_knows() {
        let error = read("path = 'p'\nunknown = 1").unwrap_err();
        for key in ProgramOptions::KEYS {
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
    }

    #[test]
    fn what_can_never_work_is_refused_by_key() {
        for (text, key) in [
            ("path = ''", "path"),
            ("path = '/'", "path"),
            ("path = 'p'\nsha256 = 'abc'", "sha256"),
            ("path = 'p'\nargs = [\"a\\u0000b\"]", "args"),
            ("path = 'p'\nenv = { 'A=B' = 'c' }", "env"),
            ("path = 'p'\ndeadline = '0s'", "deadline"),
            ("path = 'p'\ndeadline = '10'", "deadline"),
            ("path = 'p'\ndeadline = '2h'", "deadline"),
            ("path = 'p'\nmax_output = 0", "max_output"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(&format!("`{key}`:")), "{text}: {error}");
        }
    }
}
