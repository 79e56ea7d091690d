//! Challenges that nobody has to keep: each says when it was given out, and carries a code that only keywheel can have
//! made, for whom it was given to (pure). What is not kept cannot be used up by strangers.

use crate::journal::attestations::{CHALLENGE_MS, Subject};
use aws_lc_rs::{constant_time, hmac};

/// When it was given out, epoch milliseconds; good for 8,900 years.
const TIME: usize = 6;
/// Random bytes, so that no challenge is given out twice.
pub(super) const RANDOM: usize = 10;
/// Bytes of the code; half of HMAC-SHA256, which is enough to be unguessable (RFC 2104, section 5).
const CODE: usize = 16;
const DOMAIN: &[u8] = b"keywheel/challenge/v1";

/// Makes challenges and knows them again, at every replica that has the same key.
pub(super) struct Challenges(hmac::Key);

impl Challenges {
    pub(super) fn of(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A challenge for this one, of 32 bytes in hexadecimal digits.
    pub(super) fn give(&self, subject: &Subject, now_ms: i64, random: [u8; RANDOM]) -> String {
        let mut bytes = now_ms.to_be_bytes()[8 - TIME..].to_vec();
        bytes.extend(random);
        let code = self.code(&bytes, subject);
        bytes.extend(&code.as_ref()[..CODE]);
        hex::encode(bytes)
    }

    /// When a challenge was given out, epoch milliseconds; `None` unless it was given to this one, within a minute.
    pub(super) fn given_ms(&self, challenge: &str, subject: &Subject, now_ms: i64) -> Option<i64> {
        let bytes = hex::decode(challenge).ok()?;
        let (said, code) = bytes.split_at_checked(TIME + RANDOM)?;
        let expected = self.code(said, subject);
        constant_time::verify_slices_are_equal(code, &expected.as_ref()[..CODE]).ok()?;
        let time = said.iter().take(TIME);
        let given_ms = time.fold(0, |sum, byte| sum << 8 | i64::from(*byte));
        (0..CHALLENGE_MS)
            .contains(&(now_ms - given_ms))
            .then_some(given_ms)
    }

    fn code(&self, said: &[u8], subject: &Subject) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        let names = [&subject.secret_id, &subject.consumer, &subject.instance];
        let names = names.map(|name| name.as_bytes());
        for part in [DOMAIN, said].into_iter().chain(names) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::{CHALLENGE_MS, Challenges, Subject};

    const NOW: i64 = 1_767_225_600_123;

    fn subject(consumer: &str, instance: &str) -> Subject {
        Subject {
            secret_id: "test/token".to_owned(),
            consumer: consumer.to_owned(),
            instance: instance.to_owned(),
        }
    }

    #[test]
    fn a_challenge_is_known_again_for_a_minute_wherever_the_key_is() {
        let (here, there) = (Challenges::of(b"example"), Challenges::of(b"example"));
        let job = subject("job", "one");
        let given = here.give(&job, NOW, [7; 10]);
        assert_eq!(given.len(), 64);
        for (later, known) in [
            (-1, None),
            (0, Some(NOW)),
            (CHALLENGE_MS - 1, Some(NOW)),
            (CHALLENGE_MS, None),
        ] {
            assert_eq!(there.given_ms(&given, &job, NOW + later), known, "{later}");
        }
        assert_ne!(given, here.give(&job, NOW, [8; 10]));
    }

    #[test]
    fn a_challenge_is_good_for_nobody_else_and_cannot_be_made() {
        let challenges = Challenges::of(b"example");
        let job = subject("job", "one");
        let given = challenges.give(&job, NOW, [7; 10]);
        for other in [subject("job", "two"), subject("jobo", "ne")] {
            assert_eq!(challenges.given_ms(&given, &other, NOW), None, "{other:?}");
        }
        let elsewhere = Challenges::of(b"example-2");
        assert_eq!(elsewhere.given_ms(&given, &job, NOW), None);
        for at in 0..given.len() {
            let mut forged = given.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(challenges.given_ms(&forged, &job, NOW), None, "{at}");
        }
        for wrong in ["", "00", &given[2..], &format!("{given}00")] {
            assert_eq!(challenges.given_ms(wrong, &job, NOW), None, "{wrong}");
        }
    }
}
