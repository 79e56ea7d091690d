//! One process group, from its start to its certain end.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::{Zeroize, Zeroizing};

/// How long a program has between SIGTERM at its deadline and SIGKILL: by so much a call can outlast its
/// deadline.
pub const GRACE: Duration = Duration::from_secs(1);

/// Most bytes of stderr that are looked at; the rest is read and dropped, so that the program never waits.
const MAX_STDERR: usize = 8 * 1024;

/// Longest time between two looks at a process that has closed its stdout and not ended.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How long stderr may still be drained once the group is gone.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What a process did.
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) end: End,
    /// What it wrote, as far as the limit allowed.
    pub(crate) stdout: Zeroizing<Vec<u8>>,
    /// What it said to people.
    pub(crate) stderr: Stderr,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, and stdout was closed by everybody who had it.
    Exited(ExitStatus),
    /// By us: it took longer than allowed.
    Deadline,
    /// By us: it wrote more than allowed.
    Flood,
}

/// The beginning of stderr, and how long all of it was.
#[derive(Default)]
pub(crate) struct Stderr {
    /// At most [`MAX_STDERR`] bytes.
    pub(crate) start: Zeroizing<Vec<u8>>,
    /// All bytes that came.
    pub(crate) length: u64,
}

/// Starts the command, gives it `input` on stdin, and takes its answer. Whatever happens, also when this
/// future is dropped, every process of the group has been killed afterwards. (One that leaves the group by
/// `setsid` is out of reach.)
///
/// Call it from a task of a runtime that outlives the call: the child is killed when the thread that
/// started it ends.
///
/// # Errors
/// The process could not be started or could not be watched.
pub(crate) async fn run(
    command: &mut Command,
    input: &[u8],
    deadline: Duration,
    max_output: usize,
) -> Result<Finished, Fault> {
    let child = command.spawn().map_err(Fault::NotStarted)?;
    let mut group = Group::new(child)?;
    let (stdin, stdout, stderr) = group.pipes()?;
    let mut answer = Zeroizing::new(Vec::new());
    let mut words = Stderr::default();
    let mut listening = Box::pin(words.listen(stderr));
    let talking = async {
        let taking = collect(stdout, &mut answer, max_output);
        tokio::try_join!(feed(stdin, input), taking)?;
        group.exited().await.map_err(Stop::System)
    };
    let mut heard_all = false;
    let all_along = async {
        (&mut listening).await;
        heard_all = true;
        pending::<Infallible>().await
    };
    let stopped = tokio::select! {
        result = tokio::time::timeout(deadline, talking) => result.unwrap_or(Err(Stop::Deadline)),
        never = all_along => match never {},
    };
    if matches!(stopped, Err(Stop::Deadline)) {
        group.terminate().await?;
    }
    let status = group.finish().await?;
    if !heard_all {
        // Bytes may still lie in the pipe. Only a process outside the group can hold it open any longer.
        tokio::time::timeout(LAST_WORDS, &mut listening).await.ok();
    }
    drop(listening);
    let end = match stopped {
        Ok(()) => End::Exited(status),
        Err(Stop::Deadline) => End::Deadline,
        Err(Stop::Flood) => End::Flood,
        Err(Stop::System(error)) => return Err(Fault::Lost(error)),
    };
    Ok(Finished {
        end,
        stdout: answer,
        stderr: words,
    })
}

/// Why nothing is known of a process.
pub(crate) enum Fault {
    /// It never ran.
    NotStarted(io::Error),
    /// It ran, has been killed, and could not be watched.
    Lost(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

enum Stop {
    Deadline,
    Flood,
    System(io::Error),
}

/// A process that leads a group of its own, killed with all of it when dropped.
///
/// The leader is reaped last: until then its process id, which names the group, cannot be given to another.
struct Group {
    child: Child,
    leader: Pid,
    reaped: bool,
}

impl Group {
    fn new(child: Child) -> io::Result<Self> {
        let leader = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| io::Error::other("the process has no id"))?;
        Ok(Self {
            child,
            leader,
            reaped: false,
        })
    }

    fn pipes(&mut self) -> io::Result<Pipes> {
        match (
            self.child.stdin.take(),
            self.child.stdout.take(),
            self.child.stderr.take(),
        ) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok((stdin, stdout, stderr)),
            _ => Err(io::Error::other("the process has no pipes")),
        }
    }

    /// Waits for the end of the leader without reaping it. It looks again and again, for the ways to be
    /// told either reap or need `unsafe`; a program that has closed its stdout ends soon.
    async fn exited(&self) -> io::Result<()> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let mut pause = Duration::from_millis(1);
        while waitid(WaitId::Pid(self.leader), look)?.is_none() {
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// Asks the group to end, and gives its leader the grace period.
    async fn terminate(&self) -> io::Result<()> {
        // A group that is gone already needs no signal.
        kill_process_group(self.leader, Signal::TERM).ok();
        tokio::time::timeout(GRACE, self.exited())
            .await
            .unwrap_or(Ok(()))
    }

    async fn finish(mut self) -> io::Result<ExitStatus> {
        self.kill();
        let status = self.child.wait().await;
        self.reaped = true;
        status
    }

    fn kill(&self) {
        // The leader is not reaped, so the group is ours; that nobody in it is alive any more is no error.
        kill_process_group(self.leader, Signal::KILL).ok();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
        }
    }
}

type Pipes = (
    tokio::process::ChildStdin,
    tokio::process::ChildStdout,
    tokio::process::ChildStderr,
);

/// Writes the request and closes stdin. A program may answer without reading all of it, so a closed pipe
/// says nothing: the answer decides.
async fn feed(mut stdin: tokio::process::ChildStdin, input: &[u8]) -> Result<(), Stop> {
    match stdin.write_all(input).await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Stop::System(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn collect(
    mut from: impl AsyncRead + Unpin,
    into: &mut Zeroizing<Vec<u8>>,
    max: usize,
) -> Result<(), Stop> {
    let mut chunk = Zeroizing::new([0_u8; 8 * 1024]);
    loop {
        match from.read(chunk.as_mut_slice()).await {
            Ok(0) => return Ok(()),
            Ok(length) if into.len() + length > max => return Err(Stop::Flood),
            Ok(length) => append(into, &chunk[..length]),
            Err(error) => return Err(Stop::System(error)),
        }
    }
}

/// Grows by hand: a vector that grows by itself leaves its old bytes in freed memory.
fn append(into: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    let needed = into.len() + bytes.len();
    if needed > into.capacity() {
        let mut larger = Vec::with_capacity(needed.max(2 * into.capacity()));
        larger.extend_from_slice(into);
        std::mem::swap(&mut **into, &mut larger);
        larger.zeroize();
    }
    into.extend_from_slice(bytes);
}

impl Stderr {
    /// Keeps the beginning and counts the rest.
    async fn listen(&mut self, mut from: impl AsyncRead + Unpin) {
        let mut chunk = Zeroizing::new([0_u8; 4 * 1024]);
        while let Ok(length @ 1..) = from.read(chunk.as_mut_slice()).await {
            let room = MAX_STDERR - self.start.len();
            append(&mut self.start, &chunk[..length.min(room)]);
            self.length += length as u64;
        }
    }
}
