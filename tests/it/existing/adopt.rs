//! `inventory adopt` of very many: one command, stopped and gone on with, and no value anywhere.

use super::shelf::{CANARY, put};
use crate::project::Project;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Instant;

const MANY: usize = 3000;
const FILE: &str = "inventory/test/imported.toml";

fn imported(count: usize) -> Project {
    let project = Project::new();
    for number in 0..count {
        put(
            &project,
            &format!("team/secret-{number:04}"),
            &format!("{CANARY}-{number}"),
        );
    }
    project.prepared();
    project
        .run(&["inventory", "import", "test/files", "--write", FILE])
        .succeeded();
    project.runs(&[&["check"], &["inventory", "apply"]]);
    project
}

/// How many a command says it adopted.
fn adopted(said: &str) -> usize {
    let line = said
        .lines()
        .find(|line| line.contains(" adopted, "))
        .expect(said);
    line.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn three_thousand_are_adopted_over_an_interruption_and_nothing_rotates() {
    let project = imported(MANY);
    let began = Instant::now();
    let mut command = project.command(&["inventory", "adopt", "test/*"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..100 {
        out.read_line(&mut String::new()).unwrap();
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{said}");
    assert!(
        said.contains("the same command goes on with them"),
        "{said}"
    );
    let first = adopted(&said);
    assert!((100..MANY).contains(&first), "{said}");
    let second = project.run(&["inventory", "adopt", "test/*"]).succeeded();
    assert_eq!(first + adopted(&second.stderr), MANY);
    println!("{MANY} adopted in {:?}", began.elapsed());
    let third = project.run(&["inventory", "adopt", "test/*"]).succeeded();
    third.says(&["0 adopted, 3000 known before", "nothing was rotated"]);
    assert_eq!(
        project
            .run(&["history"])
            .succeeded()
            .stdout
            .matches("test/")
            .count(),
        0
    );
    assert!(!rest.contains(CANARY) && !said.contains(CANARY));
}

#[test]
fn what_fails_is_told_and_tried_again_and_the_rest_is_kept() {
    let project = imported(3);
    let place = project.path("published/team/secret-0001");
    std::fs::rename(&place, project.path("away")).unwrap();
    std::fs::write(&place, "no folder").unwrap();
    let ran = project.run(&["inventory", "adopt", "test/*"]).ended(1);
    ran.says(&[
        "test/team-secret-0001: reading its value",
        "2 adopted",
        "1 failed",
        "the same command again",
    ]);
    std::fs::remove_file(&place).unwrap();
    std::fs::rename(project.path("away"), &place).unwrap();
    let again = project.run(&["inventory", "adopt", "test/*"]).succeeded();
    again.says(&["1 adopted, 2 known before"]);
    project
        .run(&["status", "--all"])
        .succeeded()
        .says(&["test/team-secret-0002"]);
    assert_eq!(project.leaks(&[CANARY]), Vec::<String>::new());
}

#[test]
fn a_value_that_somebody_changed_is_seen_when_asked_again() {
    let project = imported(1);
    project.run(&["inventory", "adopt", "test/*"]).succeeded();
    let version = format!("published/team/secret-0000/v1.{}", "0".repeat(64));
    project.write(&version, &format!("{CANARY}-changed"));
    let same = project.run(&["inventory", "adopt", "test/*"]).succeeded();
    same.says(&["0 adopted, 1 known before"]);
    let again = project
        .run(&["inventory", "adopt", "test/*", "--again"])
        .succeeded();
    again.says(&["1 adopted"]);
}
