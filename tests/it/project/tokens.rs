//! The example token issuer: the system that honours the credentials, asked directly.

use super::Project;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The issuer behind a project's exec issuer, with its tokens in `tokens.json`.
pub(crate) struct Tokens {
    folder: PathBuf,
}

impl Tokens {
    /// What `keywheel.toml` has to say about it.
    pub(crate) fn config() -> String {
        format!(
            "programs.token-issuer = {{ path = \"{}\" }}",
            program().display()
        )
    }

    /// `issuer = …` of a secret.
    pub(crate) const ISSUER: &'static str = "issuer = { kind = \"exec\", program = \"token-issuer\", config = { path = \"tokens.json\" } }";

    /// Of a project.
    pub(crate) fn of(project: &Project) -> Self {
        Self::in_folder(project.folder())
    }

    /// Of any folder with a configuration.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Has a token made, as somebody did before keywheel came.
    pub(crate) fn mint(&self, tag: &str) -> String {
        let request = json!({
            "protocol": "keywheel.exec/v1", "op": "mint", "role": "issuer",
            "config": { "path": "tokens.json" }, "tag": tag,
        });
        let (_, answer) = self.run(&[], &request.to_string());
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let value = &answer["credential"]["fields"]["value"]["text"];
        value.as_str().expect("a token").to_owned()
    }

    /// Uses a token, as a caller of the protected service does.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        let (code, answer) = self.run(&["accept", "tokens.json", "10.0.0.7"], token);
        assert_eq!(
            answer.trim(),
            if code == 0 { "accepted" } else { "refused" }
        );
        code == 0
    }

    /// How many tokens were ever made, and how many of them still work.
    pub(crate) fn count(&self) -> (usize, usize) {
        let text = std::fs::read_to_string(self.folder.join("tokens.json")).unwrap();
        let tokens: Vec<Value> = serde_json::from_str(&text).unwrap();
        let active = tokens.iter().filter(|token| token["state"] == "active");
        (tokens.len(), active.count())
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> (i32, String) {
        let mut child = Command::new(program())
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(stdin.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    }
}

/// The program.
pub(crate) fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("providers/exec/examples/plugins/token-issuer")
}
