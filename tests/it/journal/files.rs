//! What can happen to a SQLite file: odd names, damage, missing permission, a full disk.

use super::bench::Place;
use super::child;
use super::opening::{clock, create, error, open};
use keywheel::journal::{Address, Error, Journal, Result, meta};
use keywheel_test_servers::counts::skipped;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Output;

fn path(place: &Place) -> PathBuf {
    let Address::Sqlite(path) = place.address() else {
        panic!("not a file")
    };
    path
}

fn at(folder: &Path) -> Address {
    Address::Sqlite(folder.join("keywheel.db"))
}

async fn keep(journal: &Journal, name: String, length: usize) -> Result<()> {
    journal
        .write(async move |tx| meta::keep(tx, &name, &"x".repeat(length)).await)
        .await
}

async fn count(journal: &Journal) -> i64 {
    let count = journal.read(async |tx| {
        let sql = "SELECT COUNT(*) AS n FROM meta WHERE name LIKE 'row-%'";
        tx.row(sql, &[]).await?.unwrap().int("n")
    });
    count.await.unwrap()
}

#[tokio::test]
async fn opening_what_is_not_there_makes_no_file() {
    let place = Place::sqlite();
    let missing = error(open(&place).await);
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    assert!(missing.to_string().contains("keywheel init"), "{missing}");
    assert!(!path(&place).exists());
}

#[tokio::test]
async fn a_file_is_readable_by_its_owner_only() {
    let place = Place::sqlite();
    let journal = create(&place).await.unwrap();
    keep(&journal, "row-1".into(), 1).await.unwrap();
    for end in ["", "-wal", "-shm"] {
        let file = format!("{}{end}", path(&place).display());
        assert_eq!(
            std::fs::metadata(&file).unwrap().mode() & 0o777,
            0o600,
            "{file}"
        );
    }
}

#[tokio::test]
async fn names_with_signs_of_a_url_are_only_names() {
    let home = tempfile::tempdir().unwrap();
    for name in [
        "a b",
        "what?mode=ro",
        "100%",
        "%41",
        "#1",
        "\u{fc}ber",
        "a:b@c",
    ] {
        let folder = home.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        drop(Journal::create(at(&folder), clock()).await.unwrap());
        drop(Journal::open(at(&folder), clock()).await.unwrap());
        assert!(folder.join("keywheel.db").exists(), "{name}");
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 7);
}

#[tokio::test]
async fn a_file_that_went_away_is_not_made_anew() {
    let place = Place::sqlite();
    let journal = create(&place).await.unwrap();
    std::fs::remove_file(path(&place)).unwrap();
    for _ in 0..5 {
        drop(journal.read(async |tx| meta::fact(tx, "any").await).await);
    }
    assert!(!path(&place).exists());
}

#[tokio::test]
async fn damage_is_told_and_left_as_it_is() {
    let (whole, place) = (Place::sqlite(), Place::sqlite());
    let journal = create(&whole).await.unwrap();
    // All in the one file: beside a log the damaged pages would be read from there.
    journal.checkpoint().await.unwrap();
    let sound = std::fs::read(path(&whole)).unwrap();
    let mut damaged_header = sound.clone();
    damaged_header[..16].fill(b'?');
    let mut damaged_page = sound.clone();
    damaged_page[100..4096].fill(0xff);
    for bytes in [
        damaged_header,
        damaged_page,
        b"a letter to somebody\n".repeat(100),
    ] {
        std::fs::write(path(&place), &bytes).unwrap();
        for outcome in [open(&place).await, create(&place).await] {
            let error = error(outcome);
            assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        }
        assert!(
            std::fs::read(path(&place)).unwrap() == bytes,
            "the file was changed"
        );
    }
    std::fs::write(path(&place), &sound).unwrap();
    drop(open(&place).await.unwrap());
}

#[tokio::test]
async fn an_empty_file_is_no_journal_until_it_is_made_one() {
    let place = Place::sqlite();
    std::fs::write(path(&place), b"").unwrap();
    let missing = error(open(&place).await);
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
    assert_eq!(std::fs::metadata(path(&place)).unwrap().len(), 0);
    drop(create(&place).await.unwrap());
    drop(open(&place).await.unwrap());
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Permission bits mean nothing to root: it gives up its right to pass over them first.
fn without_root_s_rights() -> &'static [&'static str] {
    if is_root() {
        &["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    } else {
        &[]
    }
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_told_and_can_be_read() {
    const TEST: &str = "journal::files::a_file_that_may_not_be_written_is_told_and_can_be_read";
    if let Some(folder) = child::folder() {
        return assert_read_only(&folder).await;
    }
    let place = Place::sqlite();
    let journal = create(&place).await.unwrap();
    keep(&journal, "row-1".into(), 1).await.unwrap();
    let file = path(&place);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
    let output = child::command(without_root_s_rights(), TEST, file.parent().unwrap())
        .output()
        .unwrap();
    assert_passed(&output);
}

async fn assert_read_only(folder: &Path) {
    let journal = Journal::open(at(folder), clock()).await.unwrap();
    let refused = keep(&journal, "row-2".into(), 1).await.unwrap_err();
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused:?}");
    assert_eq!(count(&journal).await, 1);
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_told() {
    const TEST: &str = "journal::files::a_folder_that_may_not_be_written_is_told";
    if let Some(folder) = child::folder() {
        return assert_folder_refused(&folder).await;
    }
    let place = Place::sqlite();
    let journal = create(&place).await.unwrap();
    keep(&journal, "row-1".into(), 1).await.unwrap();
    let folder = path(&place).parent().unwrap().join("copy");
    std::fs::create_dir(&folder).unwrap();
    journal.checkpoint().await.unwrap();
    std::fs::copy(path(&place), folder.join("keywheel.db")).unwrap();
    let empty = path(&place).parent().unwrap().join("copy/empty");
    std::fs::create_dir(&empty).unwrap();
    for folder in [&empty, &folder] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    }
    let output = child::command(without_root_s_rights(), TEST, &folder)
        .output()
        .unwrap();
    for folder in [&folder, &empty] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_passed(&output);
    let copy = Journal::open(at(&folder), clock()).await.unwrap();
    assert_eq!(count(&copy).await, 1);
}

async fn assert_folder_refused(folder: &Path) {
    let refused = match Journal::open(at(folder), clock()).await {
        Ok(journal) => keep(&journal, "row-2".into(), 1).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused:?}");
    let refused = error(Journal::create(at(&folder.join("empty")), clock()).await);
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    const TEST: &str = "journal::files::a_full_disk_is_told_and_loses_nothing";
    if let Some(folder) = child::folder() {
        return fill_the_disk(&folder).await;
    }
    run_on_small_disk(TEST);
}

/// Runs `test` as a child on a file system of one megabyte that only it sees; without root, in a user namespace.
fn run_on_small_disk(test: &str) {
    let mount = "mount -t tmpfs -o size=1m,mode=700 tmpfs \"$KEYWHEEL_TEST_CHILD_FOLDER\" || exit 77; exec \"$@\"";
    let wrapper = [
        "unshare",
        if is_root() { "-m" } else { "-rm" },
        "sh",
        "-c",
        mount,
        "sh",
    ];
    let folder = tempfile::tempdir().unwrap();
    let output = child::command(&wrapper, test, folder.path())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || complaint.starts_with("unshare:") {
        let why = complaint.trim();
        skipped(format!(
            "no file system of our own can be mounted here: {why}"
        ));
        return;
    }
    assert_passed(&output);
}

async fn fill_the_disk(folder: &Path) {
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![1; 100_000]).unwrap();
    let journal = Journal::create(at(folder), clock()).await.unwrap();
    let mut kept = 0;
    let full = loop {
        match keep(&journal, format!("row-{kept}"), 20_000).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1_000, "the disk never fills");
    };
    assert!(matches!(full, Error::Full { .. }), "{full:?}");
    assert!(kept > 3, "{kept}");
    assert_eq!(count(&journal).await, kept, "the rows before it are there");
    let again = keep(&journal, "row-again".into(), 20_000)
        .await
        .unwrap_err();
    assert!(matches!(again, Error::Full { .. }), "{again:?}");
    std::fs::remove_file(&ballast).unwrap();
    keep(&journal, "row-with-space".into(), 20_000)
        .await
        .unwrap();
    drop(journal);
    let reopened = Journal::open(at(folder), clock()).await.unwrap();
    assert_eq!(
        count(&reopened).await,
        kept + 1,
        "nothing lost, nothing refused is there"
    );
}

#[tokio::test]
async fn making_a_journal_on_a_full_disk_is_told() {
    const TEST: &str = "journal::files::making_a_journal_on_a_full_disk_is_told";
    if let Some(folder) = child::folder() {
        return make_on_full_disk(&folder).await;
    }
    run_on_small_disk(TEST);
}

async fn make_on_full_disk(folder: &Path) {
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![1; 960_000]).unwrap();
    let full = error(Journal::create(at(folder), clock()).await);
    assert!(matches!(full, Error::Full { .. }), "{full:?}");
    let missing = error(Journal::open(at(folder), clock()).await);
    assert!(
        matches!(missing, Error::Missing { .. } | Error::Full { .. }),
        "{missing:?}"
    );
    std::fs::remove_file(&ballast).unwrap();
    drop(Journal::create(at(folder), clock()).await.unwrap());
}

fn assert_passed(child: &Output) {
    let said = String::from_utf8_lossy(&child.stdout);
    let ran = said.contains("1 passed");
    assert!(
        child.status.success() && ran,
        "{said}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
}
