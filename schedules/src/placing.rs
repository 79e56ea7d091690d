//! Where in the open hours a rotation starts, once it is known when it is due.

use crate::gate::Openings;
use crate::jitter;

/// When a rotation is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The secret, for its stable share of the spread.
    pub(crate) id: &'a str,
    /// Never before this moment.
    pub(crate) floor_ms: i64,
    /// Preferred.
    pub(crate) ideal_ms: i64,
    /// After this only if nothing was open before.
    pub(crate) due_ms: i64,
    /// Starts that would fall together are spread over at most this long.
    pub(crate) spread_ms: i64,
}

/// Where it was put, and why there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// Where it was wanted.
    Ideal(i64),
    /// Before due, at another time than wanted, because of the window.
    Moved(i64),
    /// After due, because nothing is open between floor and due.
    Late(i64),
}

impl Placed {
    pub(crate) fn start_ms(self) -> i64 {
        match self {
            Self::Ideal(at_ms) | Self::Moved(at_ms) | Self::Late(at_ms) => at_ms,
        }
    }
}

/// The wanted moment if it is open; else the next opening until due; else the last one before.
pub(crate) fn place(wanted: &Wanted<'_>, openings: &Openings<'_>) -> Placed {
    let next = openings.next_stretch(wanted.ideal_ms);
    if next.start == wanted.ideal_ms {
        return Placed::Ideal(wanted.ideal_ms);
    }
    if next.start <= wanted.due_ms {
        return Placed::Moved(spread(wanted, next.start, next.end.min(wanted.due_ms)));
    }
    match openings.last_stretch(wanted.floor_ms, wanted.ideal_ms) {
        Some(last) => Placed::Moved(spread(wanted, last.start, last.end)),
        None => Placed::Late(next.start),
    }
}

/// In the first half of a stretch, so that time is left in it to publish and notify.
fn spread(wanted: &Wanted<'_>, from_ms: i64, until_ms: i64) -> i64 {
    let half = until_ms.saturating_sub(from_ms) / 2;
    from_ms.saturating_add(jitter::share(wanted.id, half.min(wanted.spread_ms)))
}
