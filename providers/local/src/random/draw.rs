//! Draws characters so that each is equally likely.

use super::options::Recipe;
use crate::alphabet::{Alphabet, Class};
use keywheel_contract::draw::{draw, fill};
use keywheel_contract::{Error, Result, SecretValue};

/// With a hundredth of all draws accepted, more tries than this never happen by chance.
const MOST_TRIES: usize = 10_000;

/// A fresh value by the recipe: whole draws are rejected until one has every required class, so that all
/// accepted texts stay equally likely.
pub(super) fn value(recipe: &Recipe) -> Result<SecretValue> {
    let alphabet = recipe.alphabet.bytes();
    let length = recipe.before.len() + recipe.length + recipe.after.len();
    for _ in 0..MOST_TRIES {
        let drawn = draw(&alphabet, recipe.length)?;
        let text = drawn.expose_secret_str().unwrap_or_default();
        if has_all(text, &recipe.require) {
            let mut whole = String::with_capacity(length);
            whole.extend([recipe.before.as_str(), text, &recipe.after]);
            return Ok(SecretValue::from(whole));
        }
    }
    Err(Error::unavailable(
        "the operating system gives no usable randomness",
    ))
}

/// A fresh name that says nothing about any value: `gen-` and 128 random bits as hexadecimal digits.
pub(super) fn name() -> Result<String> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(format!("gen-{}", hex::encode(bytes)))
}

/// The share of all texts that have every required class, by inclusion and exclusion.
pub(super) fn accepted_share(alphabet: &Alphabet, length: usize, require: &[Class]) -> f64 {
    let mut classes = require.to_vec();
    classes.sort_unstable_by_key(|class| class.word());
    classes.dedup();
    let all = alphabet.chars().len();
    let without = |missing: usize| ((all - missing) as f64 / all as f64).powf(length as f64);
    (0..1_u32 << classes.len())
        .map(|subset| {
            let chosen = |i: &usize| subset >> i & 1 == 1;
            let missing = (0..classes.len())
                .filter(chosen)
                .map(|i| alphabet.count(classes[i]))
                .sum();
            let sign = if subset.count_ones() % 2 == 0 {
                1.0
            } else {
                -1.0
            };
            sign * without(missing)
        })
        .sum()
}

fn has_all(text: &str, require: &[Class]) -> bool {
    require
        .iter()
        .all(|class| text.chars().any(|c| class.has(c)))
}

#[cfg(test)]
mod tests {
    use super::accepted_share;
    use crate::alphabet::{Alphabet, Class};

    #[test]
    fn the_accepted_share_is_that_of_counting() {
        let alphabet = Alphabet::parse("aB1").unwrap();
        let classes = [Class::Lower, Class::Upper, Class::Digit];
        assert!((accepted_share(&alphabet, 3, &classes) - 6.0 / 27.0).abs() < 1e-9);
        assert!((accepted_share(&alphabet, 1, &[Class::Lower; 2]) - 1.0 / 3.0).abs() < 1e-9);
        assert!((accepted_share(&alphabet, 5, &[]) - 1.0).abs() < 1e-9);
        assert!(accepted_share(&alphabet, 2, &classes).abs() < 1e-9);
    }
}
