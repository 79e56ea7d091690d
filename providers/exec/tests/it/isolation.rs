//! What a program inherits, and with whom it dies.

use crate::support::{CANARY, canary, launcher, program};
use keywheel_contract::Issuer;
use keywheel_provider_exec::{Config, ExecIssuer};
use rustix::fs::{Mode, OFlags};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_program_sees_its_list_and_nothing_of_ours() {
    let directory = tempfile::tempdir().unwrap();
    let options = "args = ['surroundings']\nenv = { LISTED = 'example', LC_ALL = 'C.UTF-8' }";
    let program = program("tests/plugins/faulty", options, directory.path());
    let issuer = ExecIssuer::connect(program, Config::new(), launcher())
        .await
        .unwrap();
    // Not close-on-exec, as a careless library would leave it.
    let leaked = rustix::fs::open("/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    issuer.test(&canary()).await.unwrap();
    drop(leaked);

    let noted = std::fs::read_to_string(directory.path().join("surroundings")).unwrap();
    let seen: serde_json::Value = serde_json::from_str(&noted).unwrap();
    assert_eq!(seen["descriptors"], serde_json::json!([0, 1, 2]));
    assert_eq!(seen["group"], true);
    let here = directory.path().canonicalize().unwrap();
    assert_eq!(seen["directory"], here.to_str().unwrap());
    let mut variables: Vec<&str> = text(&seen["environment"]).split_terminator('\0').collect();
    variables.sort_unstable();
    assert_eq!(variables, ["LC_ALL=C.UTF-8", "LISTED=example"]);
    let arguments = text(&seen["arguments"]);
    assert!(
        arguments.ends_with("faulty\0surroundings\0test\0"),
        "{arguments:?}"
    );
    assert!(!noted.contains(CANARY));
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap()
}

/// The shell is the parent: it starts the shim with its own number, and is killed.
#[test]
fn a_program_dies_with_its_parent() {
    let mut parent = shell("\"$0\" $$ /bin/sleep 600 & echo $!; wait");
    let mut line = String::new();
    let mut said = BufReader::new(parent.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let program = line.trim().to_owned();
    wait_until("the program runs", || {
        command_of(&program).starts_with("/bin/sleep")
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the program is gone", || command_of(&program).is_empty());
}

#[test]
fn nothing_is_started_for_a_parent_that_is_gone() {
    // Process 1 is alive, and not the one that asks.
    let output = shell("\"$0\" 1 /bin/echo started; echo ended with $?")
        .wait_with_output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout, "ended with 126\n");
}

fn shell(script: &str) -> std::process::Child {
    Command::new("/bin/sh")
        .args(["-c", script])
        .args(&launcher().shim)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Arguments of a process that runs; nothing of one that is dead, reaped or not.
fn command_of(pid: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "not in time: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
