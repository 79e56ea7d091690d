//! How a secret stands against its due time.

use crate::timing::Timing;

/// How a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Not due for longer than `due_soon`.
    Fine,
    /// Due within `due_soon`.
    Soon,
    /// Past due.
    Overdue {
        /// For how long, in milliseconds.
        by_ms: i64,
    },
    /// Nothing says when it is due.
    Never,
}

/// How a secret that is due at `due_ms` stands at `now_ms`; epoch milliseconds.
pub fn health(due_ms: Option<i64>, timing: &Timing, now_ms: i64) -> Due {
    let Some(due_ms) = due_ms else {
        return Due::Never;
    };
    match due_ms.saturating_sub(now_ms) {
        left if left < 0 => Due::Overdue {
            by_ms: now_ms.saturating_sub(due_ms),
        },
        left if left <= timing.due_soon.millis() => Due::Soon,
        _ => Due::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, health};
    use crate::Timing;

    #[test]
    fn due_soon_and_overdue_begin_where_they_say() {
        let timing: Timing =
            toml::from_str("every = \"1d\"\nprove_within = \"1h\"\ndue_soon = \"10s\"").unwrap();
        for (now_ms, due) in [
            (89_999, Due::Fine),
            (90_000, Due::Soon),
            (100_000, Due::Soon),
            (100_001, Due::Overdue { by_ms: 1 }),
        ] {
            assert_eq!(health(Some(100_000), &timing, now_ms), due, "{now_ms}");
        }
        assert_eq!(health(None, &timing, 0), Due::Never);
    }
}
