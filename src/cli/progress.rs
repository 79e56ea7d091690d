//! How far a long command is: a bar on a terminal, a line now and then elsewhere. To stderr, for the answer is on stdout.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// A bar moves at most this often.
const MOVES: Duration = Duration::from_millis(100);
/// A log gets a line this often.
const SPEAKS: Duration = Duration::from_secs(10);
/// Characters of a bar.
const WIDTH: usize = 30;

/// How far something is.
pub(super) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    since: Instant,
    told: Instant,
    is_terminal: bool,
}

impl Progress {
    /// Nothing of so many is done.
    pub(super) fn of(what: &'static str, total: usize) -> Self {
        let now = Instant::now();
        Self {
            what,
            total,
            done: 0,
            since: now,
            told: now,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// One more is done.
    pub(super) fn step(&mut self) {
        self.done += 1;
        let pause = if self.is_terminal { MOVES } else { SPEAKS };
        if self.told.elapsed() < pause {
            return;
        }
        self.told = Instant::now();
        let line = line(self.what, self.done, self.total, self.since.elapsed());
        match self.is_terminal {
            true => self.draw(&format!("\r{} {line}\x1b[K", bar(self.done, self.total))),
            false => anstream::eprintln!("{line}"),
        }
    }

    /// Takes the bar away, so that a line can be written; the next step brings it back.
    pub(super) fn clear(&self) {
        if self.is_terminal {
            self.draw("\r\x1b[K");
        }
    }

    fn draw(&self, text: &str) {
        // A terminal that takes no bar takes no message about it either.
        drop(std::io::stderr().write_all(text.as_bytes()));
    }
}

fn bar(done: usize, total: usize) -> String {
    let full = (done * WIDTH)
        .checked_div(total)
        .unwrap_or(WIDTH)
        .min(WIDTH);
    format!("[{}{}]", "#".repeat(full), "-".repeat(WIDTH - full))
}

fn line(what: &str, done: usize, total: usize, since: Duration) -> String {
    let left = total.saturating_sub(done);
    let seconds = since.as_secs_f64() * left as f64 / done.max(1) as f64;
    format!("{what} {done} of {total}, about {} s left", seconds.ceil())
}

#[cfg(test)]
mod tests {
    use super::{bar, line};
    use std::time::Duration;

    #[test]
    fn a_bar_is_full_at_the_end() {
        assert_eq!(bar(0, 3000), format!("[{}]", "-".repeat(30)));
        assert_eq!(
            bar(1500, 3000),
            format!("[{}{}]", "#".repeat(15), "-".repeat(15))
        );
        assert_eq!(bar(0, 0), format!("[{}]", "#".repeat(30)));
    }

    #[test]
    fn a_line_says_how_long_it_will_take() {
        let said = line("adopted", 1000, 3000, Duration::from_secs(10));
        assert_eq!(said, "adopted 1000 of 3000, about 20 s left");
    }
}
