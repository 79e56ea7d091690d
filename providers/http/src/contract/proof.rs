//! Whether what is signed was signed by who it says, a moment ago.

use super::matching::{Asked, Found, fits};
use super::world::{Made, World};
use crate::pack::{Gate, Hmac, Jwt, Pack, Sigv4};
use crate::scope::Scope;
use crate::sign::{of_request, signature, sigv4};
use chrono::NaiveDateTime;
use keywheel_contract::SecretValue;
use keywheel_signing::{Key, opened};

/// What was signed so many seconds earlier or later is not taken.
const PATIENCE: u64 = 300;

/// Whether everything that the gate wants signed is.
pub(super) fn holds(pack: &Pack, world: &World, asked: &Asked, gate: &Gate, found: &Found) -> bool {
    let by = Proof {
        pack,
        world,
        asked,
        found,
    };
    gate.jwt.as_ref().is_none_or(|jwt| by.token(jwt).is_some())
        && gate
            .hmac
            .as_ref()
            .is_none_or(|hmac| by.code(hmac).is_some())
        && gate
            .sigv4
            .as_ref()
            .is_none_or(|sigv4| by.aws(sigv4).is_some())
}

/// Each check answers `None` where it does not hold.
struct Proof<'a> {
    pack: &'a Pack,
    world: &'a World,
    asked: &'a Asked,
    found: &'a Found,
}

impl Proof<'_> {
    fn token(&self, how: &Jwt) -> Option<()> {
        let pem = self.key(&how.key)?;
        let key = Key::read("it", pem.expose_secret_str()?).ok()?;
        let (header, claims) = opened(how.algorithm, key.public(), self.found.get("assertion")?)?;
        let said = |(name, text): (&String, &crate::text::Text)| {
            let wanted = text.fill(&Scope::default()).ok();
            wanted.is_some_and(|wanted| header[name.as_str()] == *wanted.as_str())
        };
        let (from, until) = (claims["iat"].as_i64()?, claims["exp"].as_i64()?);
        let now = self.world.now();
        let lives = until - from == i64::from(how.lives_seconds) && from <= now && now < until;
        let mut wanted = how.claims.clone();
        for name in ["iat", "exp"] {
            wanted.as_object_mut()?.insert(name.to_owned(), "*".into());
        }
        let says = fits(&wanted, &claims, &mut Found::new());
        (lives && says && how.header.iter().all(said)).then_some(())
    }

    fn code(&self, how: &Hmac) -> Option<()> {
        let mut scope = self.scope(&how.key)?;
        of_request(&self.asked.raw, &mut scope);
        if let Some(at) = self.found.get("unix") {
            self.is_fresh(at.parse().ok()?)?;
        }
        let wanted = signature(how, &scope).ok()?;
        let shown = SecretValue::from(self.found.get("signature")?.clone());
        wanted.matches(&shown).then_some(())
    }

    fn aws(&self, how: &Sigv4) -> Option<()> {
        let at = self.asked.headers.get(sigv4::MOMENT)?;
        let at = NaiveDateTime::parse_from_str(at, sigv4::WRITTEN)
            .ok()?
            .and_utc();
        self.is_fresh(at.timestamp())?;
        let shown = self.asked.headers.get("authorization")?;
        let scope = self.scope(&how.key)?;
        let wanted = sigv4::authorization(&self.asked.raw, how, &scope, at).ok()?;
        (wanted.as_str() == shown).then_some(())
    }

    fn is_fresh(&self, at: i64) -> Option<()> {
        (at.abs_diff(self.world.now()) <= PATIENCE).then_some(())
    }

    /// What the request shows, and the key of that name.
    fn scope(&self, key: &str) -> Option<Scope> {
        let mut scope = Scope::default();
        for (name, text) in self.found {
            scope.set(name, text.clone().into());
        }
        scope.keep(key, self.key(key)?);
        Some(scope)
    }

    /// A credential of ours, or a field of the credential that the request names.
    fn key(&self, name: &str) -> Option<SecretValue> {
        let ours = self
            .world
            .keys_of_ours
            .get(name)
            .map(SecretValue::duplicate);
        let written = self.pack.contract.credentials.get(name).cloned();
        let shown = || {
            let names = |key: &&Made| {
                let mut fields = key.fields.iter();
                fields.any(|(name, text)| self.found.get(name) == Some(text))
            };
            self.world
                .keys
                .iter()
                .rev()
                .find(names)?
                .fields
                .get(name)
                .cloned()
        };
        ours.or_else(|| written.or_else(shown).map(SecretValue::from))
    }
}
