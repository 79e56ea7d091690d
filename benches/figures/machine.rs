//! The machine under the figures: without it they say nothing.

use anyhow::{Context as _, Result};
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Cores, memory, flushes per second of the disk, and how busy the machine is with other things.
pub(crate) fn describe() -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = field(&fs::read_to_string("/proc/meminfo")?, "MemTotal:")? / 1024;
    let flushes = flushes_per_second()?;
    Ok(format!(
        "machine: {cores} cores, {memory} MiB, {flushes:.0} flushes/s (fdatasync of 8 KiB, one at a time), load {}",
        load()?
    ))
}

/// The load average of the last minute.
pub(crate) fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or("?").to_owned())
}

/// How often the disk under the journals makes a write durable.
fn flushes_per_second() -> Result<f64> {
    let path = super::ground::disk().join("flushes");
    let mut file = fs::File::create(&path)?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(1) {
        file.write_all(&[0; 8192])?;
        file.sync_data()?;
        count += 1;
    }
    fs::remove_file(path)?;
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// Memory of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Resident now, KiB.
    pub(crate) resident: u64,
    /// Of that, what is not a mapped file such as the program itself, KiB.
    pub(crate) anonymous: u64,
    /// Most resident so far, KiB.
    pub(crate) peak: u64,
}

impl Memory {
    /// Of this process.
    pub(crate) fn own() -> Result<Self> {
        Self::of("self")
    }

    /// Of the process with this id.
    pub(crate) fn of(process: &str) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/status"))
            .with_context(|| format!("reading the memory of process {process}"))?;
        Ok(Self {
            resident: field(&text, "VmRSS:")?,
            anonymous: field(&text, "RssAnon:")?,
            peak: field(&text, "VmHWM:")?,
        })
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |kib: u64| kib.div_ceil(1024);
        let (resident, anonymous, peak) = (mib(self.resident), mib(self.anonymous), mib(self.peak));
        write!(
            f,
            "{resident} MiB resident ({anonymous} of its own), peak {peak} MiB"
        )
    }
}

/// Processor time, user and system, of every child that was waited for.
pub(crate) fn processor_of_children() -> Result<Duration> {
    processor("self", 13)
}

/// Processor time, user and system, of the process with this id.
pub(crate) fn processor_of(process: &str) -> Result<Duration> {
    processor(process, 11)
}

/// Two neighbouring fields of `stat`, counted from the one after the command's name, in the kernel's hundredths.
fn processor(process: &str, field: usize) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))
        .with_context(|| format!("reading the processor time of process {process}"))?;
    let (_, fields) = text.rsplit_once(')').context("a process without a name")?;
    let ticks = fields.split_whitespace().skip(field).take(2);
    let ticks = ticks.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn field(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number
        .with_context(|| format!("{name} is missing"))?
        .parse()?)
}
