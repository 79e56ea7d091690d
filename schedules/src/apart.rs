//! Secrets that must not rotate at the same time.

use crate::timing::Timing;

/// The first of `apart_from` that rotates now and has to be waited for.
///
/// `others` are secrets of the same environment by name, and whether each has a rotation under way.
pub fn apart<N: AsRef<str>>(timing: &Timing, others: &[(N, bool)]) -> Option<String> {
    let rotates = |name: &&String| {
        others
            .iter()
            .any(|(other, active)| *active && other.as_ref() == *name)
    };
    timing.apart_from.iter().find(rotates).cloned()
}

#[cfg(test)]
mod tests {
    use super::apart;
    use crate::Timing;

    #[test]
    fn only_a_listed_secret_under_way_is_waited_for() {
        let text =
            "every = \"1d\"\nprove_within = \"1h\"\napart_from = [\"db-reader\", \"db-writer\"]";
        let timing: Timing = toml::from_str(text).unwrap();
        let waits_for = |reader, writer, other| {
            apart(
                &timing,
                &[
                    ("db-writer", writer),
                    ("db-reader", reader),
                    ("other", other),
                ],
            )
        };
        assert_eq!(waits_for(false, false, true), None);
        assert_eq!(waits_for(false, true, false).as_deref(), Some("db-writer"));
        assert_eq!(waits_for(true, true, false).as_deref(), Some("db-reader"));
    }
}
