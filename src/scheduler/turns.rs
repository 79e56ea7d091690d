//! Whose turn it is where an environment starts only so many rotations in a day (pure). Never more than the limit in
//! any 24 hours; who comes first keeps its place, also before one that comes when a place is free for a moment.

/// A limit is one of this long.
pub(super) const DAY_MS: i64 = 24 * 3_600_000;

/// The turns of one environment.
#[derive(Debug)]
pub(super) struct Turns {
    max: usize,
    /// Starts of the last day.
    started: usize,
    /// Those and the moments that were promised, latest first.
    taken: Vec<i64>,
}

impl Turns {
    /// With starts of the last day, and moments promised to others.
    pub(super) fn new(max: i64, started: &[i64], promised: &[i64]) -> Self {
        let mut taken: Vec<i64> = started.iter().chain(promised).copied().collect();
        taken.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
        Self {
            max: usize::try_from(max).unwrap_or(0),
            started: started.len(),
            taken,
        }
    }

    /// Whether a start may happen now. One that was promised this moment needs no more than room.
    pub(super) fn is_open(&self, is_promised: bool, now_ms: i64) -> bool {
        match is_promised {
            true => self.started < self.max,
            false => self.next(now_ms) <= now_ms,
        }
    }

    /// The first moment at which one more fits behind everybody else.
    pub(super) fn next(&self, now_ms: i64) -> i64 {
        match self.max.checked_sub(1) {
            None => now_ms + DAY_MS,
            Some(last) => self
                .taken
                .get(last)
                .map_or(now_ms, |at| now_ms.max(at + DAY_MS)),
        }
    }

    /// Somebody starts now.
    pub(super) fn start(&mut self, now_ms: i64) {
        self.started += 1;
        self.promise(now_ms);
    }

    /// Somebody is promised this moment.
    pub(super) fn promise(&mut self, at_ms: i64) {
        let place = self.taken.partition_point(|taken| *taken > at_ms);
        self.taken.insert(place, at_ms);
    }

    /// Somebody gives a moment back.
    pub(super) fn give_back(&mut self, at_ms: i64) {
        if let Some(place) = self.taken.iter().position(|taken| *taken == at_ms) {
            self.taken.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, Turns};

    #[test]
    fn what_does_not_fit_today_starts_a_day_after_what_did() {
        let mut turns = Turns::new(2, &[100, 50], &[]);
        let now = 200;
        assert!(!turns.is_open(false, now));
        let mut promised = Vec::new();
        for _ in 0..4 {
            promised.push(turns.next(now));
            turns.promise(turns.next(now));
        }
        assert_eq!(
            promised,
            [50 + DAY_MS, 100 + DAY_MS, 50 + 2 * DAY_MS, 100 + 2 * DAY_MS]
        );
    }

    #[test]
    fn a_newcomer_does_not_take_the_place_of_one_that_waits() {
        let now = DAY_MS + 60;
        let turns = Turns::new(1, &[], &[now]);
        assert!(!turns.is_open(false, now) && turns.is_open(true, now));
        assert_eq!(turns.next(now), now + DAY_MS);
    }

    #[test]
    fn never_more_than_the_limit_in_any_day() {
        let mut turns = Turns::new(3, &[], &[]);
        let mut starts = Vec::new();
        for arrival in (0..60).map(|n| n * DAY_MS / 10) {
            let at = turns.next(arrival);
            turns.promise(at);
            starts.push(at);
        }
        for at in &starts {
            let day = |other: &&i64| **other <= *at && **other > at - DAY_MS;
            assert!(starts.iter().filter(day).count() <= 3);
        }
    }

    #[test]
    fn a_limit_of_none_starts_nothing() {
        let turns = Turns::new(0, &[], &[]);
        assert!(!turns.is_open(false, 5) && !turns.is_open(true, 5));
        assert_eq!(turns.next(5), 5 + DAY_MS);
    }

    #[test]
    fn a_place_that_is_given_back_is_free() {
        let mut turns = Turns::new(1, &[], &[7]);
        turns.give_back(7);
        turns.give_back(8);
        assert!(turns.is_open(false, 7));
        turns.start(7);
        assert!(!turns.is_open(true, 7));
    }
}
