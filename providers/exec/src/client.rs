//! One call: a process, a request, an answer, and what went wrong.

use crate::launch::Launcher;
use crate::pin::Pin;
use crate::process::{self, End, Fault, Finished, Stderr};
use crate::program::Program;
use crate::scrub::{Scrub, is_plain_id};
use crate::wire::{Description, Failure, Nothing, PROTOCOL, Request, Role, Verdict};
use keywheel_contract::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What the inventory says to the program; keywheel reads none of it. Never secrets.
pub type Config = serde_json::Map<String, serde_json::Value>;

/// An operation of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Op {
    /// The name of the contract's method.
    name: &'static str,
    /// It changes something outside: when it breaks off, nobody knows whether it took effect.
    writes: bool,
    /// Its answer carries a value that we do not know yet and so could not find in what else is said.
    yields: bool,
}

impl Op {
    /// One that changes nothing.
    pub(crate) const fn read(name: &'static str) -> Self {
        Self {
            name,
            writes: false,
            yields: false,
        }
    }

    /// One that changes something outside.
    pub(crate) const fn write(name: &'static str) -> Self {
        Self {
            writes: true,
            ..Self::read(name)
        }
    }

    /// One whose answer carries a value.
    pub(crate) const fn yielding(self) -> Self {
        Self {
            yields: true,
            ..self
        }
    }
}

/// A program in one role, with its configuration.
pub(crate) struct Client {
    target: Arc<Target>,
    config: Config,
    launcher: Launcher,
    role: Role,
    ops: BTreeSet<String>,
    version: String,
}

struct Target {
    program: Program,
    pin: Pin,
}

/// An answer, and the means to clean the sentences in it.
pub(crate) struct Answer<A> {
    pub(crate) value: A,
    pub(crate) scrub: Scrub,
}

const DESCRIBE: Op = Op::read("describe");

impl Client {
    /// Asks the program what it can do.
    pub(crate) async fn connect<C: DeserializeOwned>(
        program: Program,
        config: Config,
        launcher: Launcher,
        role: Role,
    ) -> Result<(Self, C)> {
        let target = Target {
            program,
            pin: Pin::default(),
        };
        let mut client = Self {
            target: Arc::new(target),
            config,
            launcher,
            role,
            ops: BTreeSet::new(),
            version: String::new(),
        };
        let answer = client.run(DESCRIBE, &Nothing {}).await?;
        let described: Description<C> = answer.value;
        if described.protocol != PROTOCOL {
            let rule = format!("it does not speak `{PROTOCOL}`");
            return Err(Error::invalid(client.says(DESCRIBE, &rule)));
        }
        client.ops = described.ops.into_iter().collect();
        client.version = answer.scrub.clean(&described.version);
        Ok((client, described.capabilities))
    }

    /// The version that the program says of itself, for reports and audit.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Whether the program named the operation.
    pub(crate) fn offers(&self, op: Op) -> bool {
        self.ops.contains(op.name)
    }

    /// An error unless every promise of the capabilities has its operation.
    pub(crate) fn require(&self, promises: &[(bool, &[Op])]) -> Result<()> {
        let promised = promises.iter().filter(|(promised, _)| *promised);
        match promised
            .flat_map(|(_, ops)| *ops)
            .find(|op| !self.offers(**op))
        {
            None => Ok(()),
            Some(op) => {
                let rule = format!("its capabilities need the operation `{}`", op.name);
                Err(Error::invalid(self.says(DESCRIBE, &rule)))
            }
        }
    }

    /// Makes one call of an operation that the program offers.
    pub(crate) async fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        op: Op,
        rest: &Q,
    ) -> Result<Answer<A>> {
        if !self.offers(op) {
            return Err(Error::invalid(self.says(op, "it does not offer this")));
        }
        self.run(op, rest).await
    }

    /// An error for an answer that breaks the protocol: for all we know the call took effect.
    pub(crate) fn broken(&self, op: Op, what: &str) -> Error {
        let message = self.says(op, what);
        if op.writes {
            Error::unknown_outcome(message)
        } else {
            Error::unavailable(message)
        }
    }

    /// An error unless these names can be stored and printed.
    pub(crate) fn check_ids<'a>(
        &self,
        op: Op,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        if ids.into_iter().all(is_plain_id) {
            return Ok(());
        }
        Err(self.broken(
            op,
            "an id in its answer is empty, too long or not plain text",
        ))
    }

    /// `what`, with the program and the operation before it.
    pub(crate) fn says(&self, op: Op, what: &str) -> String {
        format!("{}: {what}", self.context(op))
    }

    fn context(&self, op: Op) -> String {
        let name = &self.target.program.name;
        format!("program `{name}` as {}, `{}`", self.role.word(), op.name)
    }

    /// Makes one call, offered or not.
    pub(crate) async fn run<Q: Serialize, A: DeserializeOwned>(
        &self,
        op: Op,
        rest: &Q,
    ) -> Result<Answer<A>> {
        let request = self.request(op, rest)?;
        let finished = self.exchange(op, &request).await?;
        let scrub = Scrub::of(&[&request, &finished.stdout]);
        let stdout = self.ended_well(op, finished, &scrub)?;
        let value = self.read_answer(op, &stdout, &scrub)?;
        Ok(Answer { value, scrub })
    }

    /// Starts the program once, gives it these bytes, and takes what it says.
    pub(crate) async fn exchange(&self, op: Op, input: &[u8]) -> Result<Finished> {
        self.check_pin(op).await?;
        let program = &self.target.program;
        let mut command = self
            .launcher
            .command(program, op.name)
            .ok_or_else(|| Error::invalid(self.says(op, "there is no shim to start it")))?;
        process::run(&mut command, input, program.deadline, program.max_output)
            .await
            .map_err(|fault| match fault {
                Fault::NotStarted(error) => {
                    let what = format!("it cannot be started: {}", error.kind());
                    Error::unavailable(self.says(op, &what))
                }
                Fault::Lost(error) => {
                    self.broken(op, &format!("it was lost sight of: {}", error.kind()))
                }
            })
    }

    /// Off the runtime's threads, for the first check of a pinned program reads all of it.
    async fn check_pin(&self, op: Op) -> Result<()> {
        let target = Arc::clone(&self.target);
        tokio::task::spawn_blocking(move || target.pin.check(&target.program))
            .await
            .map_err(|_| Error::unavailable(self.says(op, "its file could not be checked")))?
    }

    /// The bytes of one request.
    pub(crate) fn request<Q: Serialize>(&self, op: Op, rest: &Q) -> Result<Zeroizing<Vec<u8>>> {
        let mut id = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut id)
            .map_err(|_| Error::unavailable(self.says(op, "no randomness for a request id")))?;
        let deadline = self.target.program.deadline.as_millis();
        let request = Request {
            protocol: PROTOCOL,
            op: op.name,
            request_id: &hex::encode(id),
            deadline_ms: u64::try_from(deadline).unwrap_or(u64::MAX),
            role: self.role,
            config: &self.config,
            rest,
        };
        request
            .encode()
            .map_err(|_| Error::invalid(self.says(op, "the request cannot be written as JSON")))
    }

    fn ended_well(&self, op: Op, finished: Finished, scrub: &Scrub) -> Result<Zeroizing<Vec<u8>>> {
        let program = &self.target.program;
        let what = match finished.end {
            End::Exited(status) if status.success() => return Ok(finished.stdout),
            End::Exited(status) => format!("it ended with {status} and no answer"),
            End::Deadline => format!("it took longer than {:?} and was ended", program.deadline),
            End::Flood => format!(
                "it wrote more than {} bytes and was ended",
                program.max_output
            ),
        };
        let words = last_words(op, &finished.stderr, scrub);
        Err(self.broken(op, &format!("{what}{words}")))
    }

    fn read_answer<A: DeserializeOwned>(&self, op: Op, stdout: &[u8], scrub: &Scrub) -> Result<A> {
        let unreadable = |error: serde_json::Error| self.broken(op, &describe_json(&error));
        match serde_json::from_slice(stdout).map_err(unreadable)? {
            Verdict { ok: true, .. } => serde_json::from_slice(stdout).map_err(unreadable),
            Verdict {
                error: Some(failure),
                ..
            } => Err(self.failure(op, failure, scrub)),
            Verdict { error: None, .. } => {
                Err(self.broken(op, "its answer is neither `ok` nor an `error`"))
            }
        }
    }

    fn failure(&self, op: Op, failure: Failure, scrub: &Scrub) -> Error {
        failure.into_error(&self.context(op), |text| scrub.clean(text))
    }
}

/// What stderr adds to a message. Where the program was to make up a value, nothing of it is shown: we
/// could not recognise that value in it.
fn last_words(op: Op, stderr: &Stderr, scrub: &Scrub) -> String {
    let complete = stderr.start.len() as u64 == stderr.length;
    match stderr.length {
        0 => String::new(),
        length if op.yields || !complete => format!(" ({length} bytes on stderr, not shown)"),
        length => {
            let line = stderr.start.split(|byte| *byte == b'\n').next();
            let line = scrub.clean_bytes(line.unwrap_or_default());
            format!(" ({length} bytes on stderr, beginning: {line})")
        }
    }
}

/// Where an answer is wrong, never what stands there: the parser's own message quotes it.
fn describe_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split_once('`'))
    {
        Some((field, _)) => format!("its answer has no `{field}`"),
        None => format!(
            "its answer is not the JSON expected, at line {} column {}",
            error.line(),
            error.column()
        ),
    }
}
