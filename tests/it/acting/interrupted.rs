//! Ctrl-C while a command watches: the rotation is a row, and the command says who goes on with it.

use super::rig::{Ran, Rig, TOKEN};
use keywheel::clock::SystemClock;
use keywheel::journal::{Address, Journal, Tx};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const ID: &str = "other/token";

fn watching(rig: &Rig) -> Child {
    let mut command = rig.command(&["rotate-now", ID, "--wait"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

/// A second rotation of which the watching command was interrupted once it said `overlapping`.
fn interrupted(rig: &Rig) -> Ran {
    let mut child = watching(rig);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(
        said.any(|line| line.unwrap().contains("overlapping")),
        "it never came to rest"
    );
    interrupt(&child);
    child.wait_with_output().unwrap().into()
}

fn rests_in_its_overlap(rig: &Rig) {
    let status = rig.ok(&["status", ID, "--output", "jsonl"]).json();
    assert_eq!(status["rotation"]["phase"], "overlapping", "{status}");
}

/// The write lock is taken, so that the command rests before it watches.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_before_the_watching_leaves_the_request_and_says_so() {
    let rig = Rig::with("other", TOKEN);
    let address = Address::Sqlite(rig.path().join("keywheel.db"));
    let journal = Journal::open(address, Arc::new(SystemClock)).await.unwrap();
    let (taken, free) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (is_taken, freed) = (Arc::clone(&taken), Arc::clone(&free));
    let held = tokio::spawn(async move {
        let hold = async move |tx: &mut Tx| {
            tx.run("UPDATE secret SET shard = shard", &[]).await?;
            taken.notify_one();
            freed.notified().await;
            Ok(())
        };
        journal.write(hold).await
    });
    is_taken.notified().await;
    let mut child = watching(&rig);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("mode normal")));
    // What was asked is shown; from here on it is only the lock that the request waits for.
    tokio::time::sleep(Duration::from_millis(500)).await;
    interrupt(&child);
    tokio::time::sleep(Duration::from_millis(100)).await;
    free.notify_one();
    held.await.unwrap().unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 3, "{}", ran.out);
    for words in [
        "other/token: no longer watched; its request stays; nothing was changed",
        "take it back: keywheel cancel other/token",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    rig.ok(&["cancel", ID]);
}

#[test]
fn a_replica_that_is_interrupted_leaves_its_row_and_says_that_nobody_goes_on() {
    let rig = Rig::with("other", TOKEN);
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let ran = interrupted(&rig);
    assert_eq!(ran.code, 3, "{}", ran.out);
    for words in [
        "other/token: no longer watched at overlapping; both credentials work",
        "next: no daemon is running, so nothing happens until one does: keywheel daemon, or",
        "watch: keywheel show other/token --watch",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    rests_in_its_overlap(&rig);
    let by_command = |row: &&String| row.contains("stopped") || row.contains("cancel");
    assert_eq!(rig.audit().iter().find(by_command), None);
}

#[test]
fn a_watcher_that_is_interrupted_leaves_the_work_to_the_daemon() {
    let rig = Rig::with("other", TOKEN);
    rig.ok(&["rotate-now", ID, "--wait=60s"]);
    let _daemon = rig.daemon();
    let ran = interrupted(&rig);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(
        ran.out.contains("no longer watched at overlapping"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("no daemon"), "{}", ran.out);
    assert!(ran.out.contains("next: "), "{}", ran.out);
    rests_in_its_overlap(&rig);
}
