//! The handshake by which a consumer shows that it holds a value without saying it.
//!
//! `k = HMAC-SHA256(value, "keywheel/handshake/v1")`, then
//! `proof = HMAC-SHA256(k, id, destination, consumer, instance, challenge)` where every part is preceded by
//! its length in bytes as eight big-endian bytes. The derived key keeps the answer from being an oracle for
//! values that are themselves MAC keys. Test vectors: `docs/handshake.md`.

use crate::SecretValue;
use aws_lc_rs::{constant_time, hmac};

const DOMAIN: &[u8] = b"keywheel/handshake/v1";

/// What a proof is bound to; none of it is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The secret's id, `environment/name`.
    pub id: &'a str,
    /// The destination read, `store:path`.
    pub destination: &'a str,
    /// The consumer's name in the inventory.
    pub consumer: &'a str,
    /// Which running copy answers.
    pub instance: &'a str,
    /// The challenge as sent: 64 hexadecimal digits, used once.
    pub challenge: &'a str,
}

/// The proof, as 64 hexadecimal digits.
pub fn prove(value: &SecretValue, statement: &Statement<'_>) -> String {
    hex::encode(tag(value, statement))
}

/// Whether `proof` shows possession of `value`; compared in constant time.
pub fn proves(proof: &str, value: &SecretValue, statement: &Statement<'_>) -> bool {
    hex::decode(proof).is_ok_and(|given| {
        constant_time::verify_slices_are_equal(&given, tag(value, statement).as_ref()).is_ok()
    })
}

fn tag(value: &SecretValue, statement: &Statement<'_>) -> hmac::Tag {
    let outer = hmac::Key::new(hmac::HMAC_SHA256, value.expose_secret());
    let derived = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&outer, DOMAIN).as_ref());
    let mut context = hmac::Context::with_key(&derived);
    let Statement {
        id,
        destination,
        consumer,
        instance,
        challenge,
    } = statement;
    for part in [id, destination, consumer, instance, challenge] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::{Statement, prove, proves};
    use crate::SecretValue;

    const STATEMENT: Statement<'static> = Statement {
        id: "production/api-key",
        destination: "main:prod/api-key",
        consumer: "chat-api",
        instance: "chat-api-1",
        challenge: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    };

    #[test]
    fn a_proof_fits_its_value_and_statement_only() {
        let value = SecretValue::from("example-value-of-the-handshake".to_owned());
        let proof = prove(&value, &STATEMENT);
        assert!(proves(&proof, &value, &STATEMENT));
        assert!(!proves(
            &proof,
            &SecretValue::from("example-other".to_owned()),
            &STATEMENT
        ));
        let elsewhere = Statement {
            instance: "chat-api-2",
            ..STATEMENT
        };
        assert!(!proves(&proof, &value, &elsewhere));
        assert!(!proves("", &value, &STATEMENT));
    }
}
