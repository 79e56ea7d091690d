//! The example consumer as a process: it holds its value in memory and proves it.

use super::Project;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A running copy of `examples/consumer`, killed with the test.
pub(crate) struct Consumer {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) address: String,
    arguments: Vec<String>,
    folder: PathBuf,
}

impl Consumer {
    /// Starts a consumer called `name` of `secret`, which reads `key` of the `.env` file `file` below `app`.
    pub(crate) fn start(
        project: &Project,
        secret: &str,
        name: &str,
        file: &str,
        key: &str,
        more: &[&str],
    ) -> Self {
        let own = [
            ("--id", format!("test/{secret}")),
            ("--destination", format!("env:{file}")),
            ("--consumer", name.to_owned()),
            ("--instance", format!("{name}-1")),
            ("--file", format!("app/{file}")),
            ("--key", key.to_owned()),
        ];
        let mut arguments: Vec<String> = own
            .into_iter()
            .flat_map(|(option, value)| [option.to_owned(), value])
            .collect();
        arguments.extend(more.iter().map(|text| (*text).to_owned()));
        Self::launch(project.folder(), arguments, "127.0.0.1:0")
    }

    fn launch(folder: &Path, arguments: Vec<String>, listen: &str) -> Self {
        let mut child = Command::new(program())
            .args(&arguments)
            .args(["--listen", listen])
            .current_dir(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ");
        let address = address.expect("the consumer did not start").to_owned();
        Self {
            child,
            address,
            arguments,
            folder: folder.to_owned(),
        }
    }

    /// Ends it, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again at the same address; it reads its value anew.
    pub(crate) fn start_again(&mut self) {
        let listen = self.address.trim_start_matches("http://").to_owned();
        *self = Self::launch(&self.folder.clone(), self.arguments.clone(), &listen);
    }

    /// `notify` and `verify` for the inventory.
    pub(crate) fn lines(&self) -> String {
        format!(
            "notify = {{ http = \"{0}/-/reload\" }}\n\
             verify = {{ http = \"{0}/.well-known/keywheel\" }}\n",
            self.address
        )
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The built example, beside this test's own program; a test run that left examples out builds it here.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let built = own.parent().and_then(Path::parent).unwrap();
        let program = built.join("examples/consumer");
        if !program.exists() {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--example", "consumer"]);
            if built.ends_with("release") {
                build.arg("--release");
            }
            let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
            assert!(built.unwrap().success());
        }
        program
    })
}
