//! Looking for a value where none may be: in every spelling in which one gets into logs, files and arguments
//! by accident.

use super::{Daemon, Project};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Every spelling of a value, by name.
pub(crate) fn spellings(value: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = value.as_bytes();
    let json = serde_json::to_string(value).unwrap();
    let mut found = vec![
        ("raw".to_owned(), bytes.to_vec()),
        ("json".to_owned(), json.trim_matches('"').into()),
        ("hex".to_owned(), hex::encode(bytes).into()),
        ("HEX".to_owned(), hex::encode_upper(bytes).into()),
        ("url".to_owned(), percent(bytes).into()),
        ("url lower".to_owned(), percent(bytes).to_lowercase().into()),
        (
            "debug".to_owned(),
            format!("{bytes:?}").trim_matches(['[', ']']).into(),
        ),
    ];
    for (name, order) in [
        ("utf-16le", u16::to_le_bytes as fn(u16) -> [u8; 2]),
        ("utf-16be", u16::to_be_bytes),
    ] {
        found.push((
            name.to_owned(),
            value.encode_utf16().flat_map(order).collect(),
        ));
    }
    for offset in 0..3 {
        found.push((
            format!("base64+{offset}"),
            base64_at(&STANDARD_NO_PAD, offset, bytes),
        ));
        found.push((
            format!("base64url+{offset}"),
            base64_at(&URL_SAFE_NO_PAD, offset, bytes),
        ));
    }
    found
}

/// The characters of a value's base64 that do not depend on what stands before and behind it.
fn base64_at(engine: &impl base64::Engine, offset: usize, value: &[u8]) -> Vec<u8> {
    let padded = [&vec![0; offset][..], value].concat();
    let whole = padded.len() / 3 * 4;
    let encoded = engine.encode(&padded);
    let first = [0, 2, 3][offset];
    encoded.as_bytes()[first..whole].to_vec()
}

fn percent(bytes: &[u8]) -> String {
    let encoded = bytes.iter().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(*byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// Names of the spellings in which a value stands in some bytes.
pub(crate) fn found_in(bytes: &[u8], value: &str) -> Vec<String> {
    assert!(value.len() >= 16, "too short to be looked for");
    let stands = |spelling: &[u8]| {
        bytes
            .windows(spelling.len())
            .any(|window| window == spelling)
    };
    let all = spellings(value).into_iter();
    all.filter(|(_, spelling)| stands(spelling))
        .map(|(name, _)| name)
        .collect()
}

impl Project {
    /// Files outside the stores in which one of these values stands, with the spelling.
    pub(crate) fn leaks(&self, values: &[&str]) -> Vec<String> {
        let mut leaks = Vec::new();
        for path in files(self.folder()) {
            let inside = path.strip_prefix(self.folder()).unwrap();
            if inside.starts_with("app") || inside.starts_with("published") {
                continue;
            }
            let bytes = fs::read(&path).unwrap_or_default();
            for (index, value) in values.iter().enumerate() {
                let found = found_in(&bytes, value);
                leaks.extend(
                    found
                        .iter()
                        .map(|name| format!("value {index} in {} as {name}", inside.display())),
                );
            }
        }
        leaks
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().filter_map(Result::ok);
    let paths = entries.map(|entry| entry.path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Keeps the arguments and the environment of a daemon and of every process below it, for as long as it runs.
pub(crate) struct ChildWatch {
    seen: Arc<Mutex<BTreeSet<Vec<u8>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ChildWatch {
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let (seen, stop) = (
            Arc::<Mutex<BTreeSet<Vec<u8>>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (kept, stopped, pid) = (Arc::clone(&seen), Arc::clone(&stop), daemon.pid());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut found = Vec::new();
                look(pid, &mut found);
                kept.lock().unwrap().extend(found);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self {
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// How many different ones were seen, and the spellings in which a value stands in one of them.
    pub(crate) fn leaks(&self, values: &[&str]) -> (usize, Vec<String>) {
        let seen = self.seen.lock().unwrap();
        let found = seen
            .iter()
            .flat_map(|bytes| values.iter().flat_map(|value| found_in(bytes, value)));
        (seen.len(), found.collect())
    }
}

fn look(pid: i32, found: &mut Vec<Vec<u8>>) {
    for file in ["cmdline", "environ"] {
        // A process may have ended meanwhile.
        found.extend(fs::read(format!("/proc/{pid}/{file}")));
    }
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return;
    };
    for task in tasks.filter_map(Result::ok) {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children
            .split_whitespace()
            .filter_map(|child| child.parse().ok())
            .for_each(|child| look(child, found));
    }
}

impl Drop for ChildWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}
