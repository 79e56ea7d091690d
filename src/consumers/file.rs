//! Sees a consumer through the file it reads and the process that reads it.
//!
//! That the value lies in the file says nothing about a process that read it long ago. So the file alone is
//! `delivered`; only a reader that started, or said that it reloaded, after the value was there is `restarted`.

use super::process::{self, Process};
use keywheel_contract::{
    Error, Held, Holding, Observation, Question, Result, SecretValue, Strength,
};
use std::{
    fs::{self, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Longest file read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// How much later than its pid file a process may have started, in milliseconds, and still be the one meant.
const PID_FILE_SLACK_MS: i64 = 1_000;

/// A file, and how its reader can be seen.
#[derive(Debug, Clone)]
pub(super) struct WatchedFile {
    path: PathBuf,
    pid_file: Option<PathBuf>,
    reloaded_file: Option<PathBuf>,
}

/// What was found at one moment.
struct Sight {
    content: SecretValue,
    written_at_ms: i64,
    reader: Reader,
    reloaded_at_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// No pid file is named.
    Unnamed,
    Hidden,
    Running {
        pid: i32,
        started_at_ms: i64,
    },
}

impl WatchedFile {
    /// Watches `path`.
    pub(super) fn new(path: &str, pid_file: Option<&str>, reloaded_file: Option<&str>) -> Self {
        Self {
            path: path.into(),
            pid_file: pid_file.map(Into::into),
            reloaded_file: reloaded_file.map(Into::into),
        }
    }

    /// The strongest evidence this can bring.
    pub(super) fn strongest(&self) -> Strength {
        if self.pid_file.is_some() || self.reloaded_file.is_some() {
            Strength::Restarted
        } else {
            Strength::Delivered
        }
    }

    /// Looks once. The instance is called after the file, so that it keeps its name over restarts.
    ///
    /// # Errors
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): the file or its reader is not there.
    /// [`Denied`](keywheel_contract::ErrorKind::Denied): we may not read it.
    /// [`Invalid`](keywheel_contract::ErrorKind::Invalid): not a regular file, or over 1 MiB.
    pub(super) async fn observe(&self, question: &Question<'_>) -> Result<Observation> {
        let watched = self.clone();
        let sight = tokio::task::spawn_blocking(move || watched.look())
            .await
            .map_err(|_| Error::unavailable("the look at a file was broken off"))??;
        Ok(judge(self.path.display().to_string(), &sight, question))
    }

    fn look(&self) -> Result<Sight> {
        let (content, written_at_ms) = read(&self.path)?;
        Ok(Sight {
            content,
            written_at_ms,
            reader: self
                .pid_file
                .as_deref()
                .map_or(Ok(Reader::Unnamed), reader)?,
            reloaded_at_ms: self.reloaded_file.as_deref().and_then(modified_at_ms),
        })
    }
}

fn judge(instance: String, sight: &Sight, question: &Question<'_>) -> Observation {
    let (holding, strength, detail) = match question.held.iter().find(|held| lies_in(held, sight)) {
        Some(held) => {
            let (strength, detail) = judge_reader(sight, question.published_at_ms);
            (
                Holding::Credential(held.credential.clone()),
                strength,
                detail,
            )
        }
        None => (
            Holding::Other,
            Strength::Delivered,
            "the file holds none of the values asked about".to_owned(),
        ),
    };
    let started_at_ms = match sight.reader {
        Reader::Running { started_at_ms, .. } => Some(started_at_ms),
        Reader::Unnamed | Reader::Hidden => None,
    };
    Observation {
        instance,
        holding,
        strength,
        started_at_ms,
        seen_at_ms: None,
        detail,
    }
}

/// Exactly the value, or the value and one line end, as editors and `echo` leave it.
fn lies_in(held: &Held<'_>, sight: &Sight) -> bool {
    let content = sight.content.expose_secret();
    let line = content
        .strip_suffix(b"\n")
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    held.value.matches(&sight.content)
        || line.is_some_and(|line| held.value.matches(&SecretValue::new(line.to_vec())))
}

/// A file may be filled later than the store it comes from, so what counts is the later of both times.
fn judge_reader(sight: &Sight, published_at_ms: i64) -> (Strength, String) {
    let there_since = published_at_ms.max(sight.written_at_ms);
    if sight.reloaded_at_ms.is_some_and(|at| at > there_since) {
        return (
            Strength::Restarted,
            "the reader says that it reloaded after that".to_owned(),
        );
    }
    match sight.reader {
        Reader::Running { pid, started_at_ms } if started_at_ms > there_since => {
            (Strength::Restarted, format!("its reader, process {pid}, started after that"))
        }
        Reader::Running { pid, .. } => (
            Strength::Delivered,
            format!("its reader, process {pid}, runs since before that: cannot tell whether the reader reloaded"),
        ),
        Reader::Hidden => (
            Strength::Delivered,
            "its reader's start is hidden from us in /proc: cannot tell whether the reader reloaded".to_owned(),
        ),
        Reader::Unnamed => {
            (Strength::Delivered, "cannot tell whether the reader reloaded".to_owned())
        }
    }
}

fn read(path: &Path) -> Result<(SecretValue, i64)> {
    let failed = |error| cannot_read(path, &error);
    let metadata = fs::metadata(path).map_err(failed)?;
    // Opening a pipe would wait for a writer.
    if !metadata.is_file() || metadata.len() > LONGEST {
        let path = path.display();
        return Err(Error::invalid(format!(
            "{path} is not a regular file of at most 1 MiB"
        )));
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    let file = fs::File::open(path).map_err(failed)?;
    file.take(LONGEST)
        .read_to_end(&mut content)
        .map_err(failed)?;
    let content = SecretValue::new(content);
    let link = fs::symlink_metadata(path).map_err(failed)?;
    let after = fs::metadata(path).map_err(failed)?;
    Ok((content, changed_at_ms(&after).max(changed_at_ms(&link))))
}

/// The change time: unlike the modification time, nobody can set it back, and a rename moves it.
fn changed_at_ms(metadata: &Metadata) -> i64 {
    metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000
}

fn modified_at_ms(path: &Path) -> Option<i64> {
    fs::metadata(path)
        .ok()?
        .modified()
        .ok()
        .map(process::epoch_ms)
}

fn reader(pid_file: &Path) -> Result<Reader> {
    let shown = pid_file.display();
    let pid = read_pid(pid_file)?;
    match process::look_up(pid) {
        Ok(Process::Running(started_at_ms)) if reused(pid_file, started_at_ms) => {
            Err(Error::unavailable(format!(
                "process {pid} is younger than {shown}, which names it: the reader is gone"
            )))
        }
        Ok(Process::Running(started_at_ms)) => Ok(Reader::Running { pid, started_at_ms }),
        Ok(Process::Hidden) => Ok(Reader::Hidden),
        Ok(Process::Gone) => Err(Error::unavailable(format!(
            "process {pid}, named by {shown}, does not run: nobody reads the file"
        ))),
        Err(error) => Err(Error::unavailable(format!(
            "cannot look up process {pid}: {error}"
        ))),
    }
}

/// A process writes its pid file after it started; one that started later only inherited the number.
fn reused(pid_file: &Path, started_at_ms: i64) -> bool {
    modified_at_ms(pid_file).is_some_and(|written| started_at_ms > written + PID_FILE_SLACK_MS)
}

fn read_pid(pid_file: &Path) -> Result<i32> {
    let text = fs::read_to_string(pid_file).map_err(|error| cannot_read(pid_file, &error))?;
    let pid = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok());
    pid.filter(|pid| *pid > 0).ok_or_else(|| {
        Error::unavailable(format!("{} does not hold a process id", pid_file.display()))
    })
}

fn cannot_read(path: &Path, error: &io::Error) -> Error {
    let message = format!("cannot read {}: {}", path.display(), error.kind());
    match error.kind() {
        io::ErrorKind::PermissionDenied => Error::denied(message),
        _ => Error::unavailable(message),
    }
}
