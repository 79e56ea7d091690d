//! `docs/handshake.md` tells the truth: its vectors fit the contract, its snippets fit its vectors.
//!
//! The Rust snippet is compiled and run as a documentation test of the crate.

use keywheel_contract::{
    SecretValue,
    handshake::{Statement, prove, proves},
};
use keywheel_test_servers::counts::skipped;
use serde::{Deserialize, Serialize};
use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

const DOCUMENT: &str = include_str!("../../../docs/handshake.md");

#[derive(Deserialize, Serialize)]
struct Vector {
    case: String,
    value_hex: String,
    id: String,
    destination: String,
    consumer: String,
    instance: String,
    challenge: String,
    proof: String,
}

impl Vector {
    fn value(&self) -> SecretValue {
        SecretValue::new(hex::decode(&self.value_hex).unwrap())
    }

    fn statement(&self) -> Statement<'_> {
        Statement {
            id: &self.id,
            destination: &self.destination,
            consumer: &self.consumer,
            instance: &self.instance,
            challenge: &self.challenge,
        }
    }
}

/// The text of the first fence with that label.
pub(super) fn fence(label: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("\n```{label}\n")).unwrap();
    rest.split_once("\n```").unwrap().0
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(fence("json vectors")).unwrap()
}

#[test]
fn the_vectors_fit_the_contract() {
    let vectors = vectors();
    assert!(vectors.len() >= 6);
    for vector in &vectors {
        let case = &vector.case;
        assert_eq!(
            prove(&vector.value(), &vector.statement()),
            vector.proof,
            "{case}"
        );
        let fitting = vectors
            .iter()
            .filter(|other| proves(&other.proof, &vector.value(), &vector.statement()));
        assert_eq!(
            fitting.count(),
            1,
            "{case}: its proof fits no other statement"
        );
    }
}

#[test]
fn python_fits_the_vectors() {
    let driver = r#"
import json, sys
for v in json.load(sys.stdin):
    print(prove(bytes.fromhex(v["value_hex"]), v["id"], v["destination"], v["consumer"], v["instance"], v["challenge"]))
"#;
    check("python", &["python3", "-c"], driver);
}

#[test]
fn node_fits_the_vectors() {
    let driver = r#"
for (const v of JSON.parse(require("node:fs").readFileSync(0, "utf8"))) {
  console.log(prove(Buffer.from(v.value_hex, "hex"), v.id, v.destination, v.consumer, v.instance, v.challenge));
}
"#;
    check("javascript", &["node", "-e"], driver);
}

#[test]
fn shell_fits_the_vectors() {
    let driver = r#"
while IFS='|' read -r value id destination consumer instance challenge; do
  prove "$value" "$id" "$destination" "$consumer" "$instance" "$challenge"
done
"#;
    if !exists("openssl") {
        return;
    }
    let script = format!("{}\n{driver}", fence("bash"));
    let lines: String = vectors()
        .iter()
        .map(|v| {
            let parts = [
                &v.value_hex,
                &v.id,
                &v.destination,
                &v.consumer,
                &v.instance,
                &v.challenge,
            ];
            parts.map(String::as_str).join("|") + "\n"
        })
        .collect();
    compare("bash", run(&["bash", "-c", &script], &lines));
}

#[test]
fn go_fits_the_vectors() {
    if !exists("go") {
        return;
    }
    let driver = r#"
func main() {
	var vectors []map[string]string
	if err := json.NewDecoder(os.Stdin).Decode(&vectors); err != nil {
		panic(err)
	}
	for _, v := range vectors {
		value, _ := hex.DecodeString(v["value_hex"])
		fmt.Println(prove(value, v["id"], v["destination"], v["consumer"], v["instance"], v["challenge"]))
	}
}
"#;
    let imports = "import (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"os\"";
    let program = format!("{}\n{driver}", fence("go").replacen("import (", imports, 1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.go");
    std::fs::write(&path, program).unwrap();
    let input = serde_json::to_string(&vectors()).unwrap();
    compare(
        "go",
        run(&["go", "run", &path.display().to_string()], &input),
    );
}

/// Runs the snippet with a driver that reads the vectors from standard input.
fn check(label: &str, interpreter: &[&str], driver: &str) {
    if !exists(interpreter[0]) {
        return;
    }
    let script = format!("{}\n{driver}", fence(label));
    let input = serde_json::to_string(&vectors()).unwrap();
    compare(
        label,
        run(&[interpreter, &[script.as_str()]].concat(), &input),
    );
}

fn compare(label: &str, output: Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{label}: {errors}");
    let proofs = String::from_utf8(output.stdout).unwrap();
    let vectors = vectors();
    let expected: Vec<_> = vectors.iter().map(|vector| vector.proof.as_str()).collect();
    assert_eq!(
        proofs.lines().collect::<Vec<_>>(),
        expected,
        "{label}: {errors}"
    );
}

/// Whether the program can be started; says so where it cannot.
pub(super) fn exists(program: &str) -> bool {
    let version = match program {
        "go" | "openssl" => "version",
        "socat" => "-V",
        _ => "--version",
    };
    let found = Command::new(program)
        .arg(version)
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        skipped(format!("{program} is not installed"));
    }
    found
}

fn run(command: &[&str], input: &str) -> Output {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}
