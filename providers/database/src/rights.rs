//! What one principal may do and the other may not: a consumer moved to that one must miss nothing.

use keywheel_contract::{Error, Result};

/// How many are named.
const NAMED: usize = 3;

/// # Errors
/// `Invalid`: there is something that `next` lacks of what `current` has, with the first few of it.
pub fn lacks(current: &str, next: &str, missing: &[String]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let named = missing.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Err(Error::invalid(format!(
        "`{next}` lacks what `{current}` has: {}{more}; nothing was changed",
        named.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::lacks;

    #[test]
    fn the_first_few_are_named_and_the_others_counted() {
        assert!(lacks("a", "b", &[]).is_ok());
        for (count, words) in [
            (1, "has: r0; n"),
            (3, "r1, r2; n"),
            (5, "r2, and 2 more; n"),
        ] {
            let missing: Vec<String> = (0..count).map(|at| format!("r{at}")).collect();
            let error = lacks("a", "b", &missing).unwrap_err();
            assert!(error.message.contains(words), "{error}");
        }
    }
}
