//! The mark of an account in turn: a hash of no password, beside that of its password (pure).
//!
//! MariaDB has no comments on accounts. What it keeps as it was written are the 20 bytes of a hash of
//! `mysql_native_password`. Nobody gets in by one that was not made from a password: finding a password for it is as hard
//! as guessing 160 bits. An ended account has the mark alone.

use super::{SALT_LENGTH, Value};
use crate::account::{Account, Method};
use crate::native;
use aws_lc_rs::digest::{SHA256, digest};
use keywheel_contract::{Error, Result, Tag};

/// A hash that begins like this is ours; one of somebody's password does so once in four thousand million times.
const OURS: [u8; 4] = *b"kwhl";

type TagDigest = [u8; 5];

/// What an account says about its value. One without a mark has its value from before keywheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// Which value stands, and what may still be set.
    pub(crate) numbers: keywheel_database::Mark<SALT_LENGTH>,
    /// What tells the rotation and try that set it from others; zeros for what was there before keywheel.
    tag: TagDigest,
}

impl Mark {
    /// # Errors
    /// `Invalid`: the account has several.
    pub(crate) fn of(account: &Account, name: &str) -> Result<Self> {
        let marks: Vec<Self> = account.methods.iter().filter_map(Self::read).collect();
        match marks.as_slice() {
            [] => Ok(Self::default()),
            [mark] => Ok(*mark),
            _ => Err(Error::invalid(format!(
                "account {name} has several marks of keywheel: give it a password by hand, which then counts as its value \
                 from before keywheel"
            ))),
        }
    }

    /// `None` for any other method.
    pub(crate) fn read(method: &Method) -> Option<Self> {
        if method.plugin != native::PLUGIN || !native::is_hash(&method.text) {
            return None;
        }
        let bytes = hex::decode(method.text.get(1..)?).ok()?;
        let rest = bytes.strip_prefix(&OURS)?;
        let ([state], rest) = rest.split_first_chunk()?;
        let (fence, rest) = number(rest)?;
        let (serial, rest) = number(rest)?;
        let (salt, rest) = rest.split_first_chunk()?;
        let salt = (serial > 0).then_some(*salt);
        let numbers = keywheel_database::Mark {
            fence,
            value: Value { serial, salt },
            ended: *state == 1,
        };
        let tag = rest.try_into().ok()?;
        (*state < 2 && serial <= fence).then_some(Self { numbers, tag })
    }

    /// As a method of the account.
    ///
    /// # Errors
    /// `Invalid`: the numbers are used up, which takes a rotation each minute for thirty years.
    pub(crate) fn write(&self) -> Result<Method> {
        let numbers = &self.numbers;
        let value = numbers.value;
        let bytes = [
            OURS.as_slice(),
            &[u8::from(numbers.ended)],
            &three(numbers.fence)?,
            &three(value.serial)?,
            &value.salt.unwrap_or_default(),
            &self.tag,
        ]
        .concat();
        Ok(Method::native(&format!("*{}", hex::encode_upper(bytes))))
    }

    /// The mark after a value was set.
    ///
    /// # Errors
    /// `Conflict`: it comes too late, or somebody else changed the account meanwhile.
    pub(crate) fn set(&self, value: Value, tag: &Tag) -> Result<Self> {
        let numbers = self.numbers.set(value)?;
        let tag = digest_of(tag);
        Ok(Self { numbers, tag })
    }

    /// The mark after a value was ended; `None` where nothing is to be done.
    pub(crate) fn end(&self, value: Value) -> Option<Self> {
        let (numbers, tag) = (self.numbers.end(value)?, self.tag);
        Some(Self { numbers, tag })
    }

    /// Whether this rotation and try set the value that stands.
    pub(crate) fn is_of(&self, tag: &Tag) -> bool {
        self.numbers.value.salt.is_some() && self.tag == digest_of(tag)
    }
}

fn digest_of(tag: &Tag) -> TagDigest {
    let digest = digest(&SHA256, tag.as_str().as_bytes());
    let mut first = TagDigest::default();
    first.copy_from_slice(&digest.as_ref()[..size_of::<TagDigest>()]);
    first
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let ([high, middle, low], rest) = bytes.split_first_chunk()?;
    let number = u32::from_be_bytes([0, *high, *middle, *low]);
    Some((number.into(), rest))
}

fn three(number: u64) -> Result<[u8; 3]> {
    match number.to_be_bytes() {
        [0, 0, 0, 0, 0, high, middle, low] => Ok([high, middle, low]),
        _ => Err(Error::invalid(
            "the account has used up the numbers of its values: let another one take turns in its place",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, Value};
    use crate::account::{Account, Method, Seen};
    use crate::native;
    use keywheel_contract::{SecretValue, Tag};

    fn value(serial: u64) -> Value {
        let salt = Some([0xAB; 4]);
        Value { serial, salt }
    }

    fn account(methods: Vec<Method>) -> Account {
        Account {
            methods,
            locked: false,
            seen: Seen::default(),
        }
    }

    #[test]
    fn a_mark_is_read_back_and_is_no_password() {
        let (ours, other) = (Tag::new("keywheel-r1-1"), Tag::new("keywheel-r1-2"));
        let set = Mark::default().set(value(1), &ours).unwrap();
        let burnt = Mark::default().end(value(1)).unwrap();
        for mark in [set, set.end(value(1)).unwrap(), burnt, Mark::default()] {
            let method = mark.write().unwrap();
            assert!(native::is_hash(&method.text));
            assert_eq!(Mark::read(&method), Some(mark));
        }
        assert!(set.is_of(&ours) && !set.is_of(&other) && !burnt.is_of(&ours));
        let password = native::hash(&SecretValue::from("example".to_owned()));
        let password = Method::native(&password);
        assert_eq!(Mark::read(&password), None);
        assert_eq!(Mark::read(&Method::nobody()), None);
        let both = account(vec![password.clone(), set.write().unwrap()]);
        assert_eq!(Mark::of(&both, "a@%").unwrap(), set);
        assert_eq!(
            Mark::of(&account(vec![password]), "a@%").unwrap(),
            Mark::default()
        );
        let two = account(vec![set.write().unwrap(), burnt.write().unwrap()]);
        assert!(Mark::of(&two, "a@%").is_err());
    }

    #[test]
    fn numbers_are_used_up_before_they_wrap() {
        let mut mark = Mark::default();
        mark.numbers.fence = 0xFF_FFFE;
        let last = mark.set(value(0xFF_FFFF), &Tag::new("t")).unwrap();
        let read = Mark::read(&last.write().unwrap()).unwrap();
        assert_eq!(read.numbers.value.serial, 0xFF_FFFF);
        let over = read.end(value(0x100_0000)).unwrap();
        assert!(over.write().is_err());
    }
}
