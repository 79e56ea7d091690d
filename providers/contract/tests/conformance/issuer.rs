//! An issuer in memory that can do everything, and every way in which it can break its promises.

use super::fails;
use async_trait::async_trait;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, LastUse, Liveness, Refusal, Result, SecretValue, Session, Style, Tag,
};
use std::sync::Mutex;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    ProposesTheSame,
    TakesThePrevious,
    BelievesAnything,
    OnlySaysDisabled,
    OnlySaysRevoked,
    FindsNothing,
    MintsTwice,
    IdentifiesNothing,
    ShowsValues,
    ProposesUnasked,
}

struct Key {
    tag: String,
    value: String,
    disabled: bool,
}

/// Mints, or lets us choose, as the test wants it.
struct Memory {
    fault: Fault,
    chosen_by: ChosenBy,
    keys: Mutex<Vec<Key>>,
    drawn: Mutex<u32>,
}

impl Memory {
    fn new(chosen_by: ChosenBy, fault: Fault) -> Self {
        Self {
            fault,
            chosen_by,
            keys: Mutex::default(),
            drawn: Mutex::default(),
        }
    }

    fn draw(&self) -> String {
        let mut drawn = self.drawn.lock().unwrap();
        *drawn += u32::from(self.fault != Fault::ProposesTheSame);
        format!("example-{drawn}")
    }

    fn add(&self, tag: &Tag, value: &str) {
        self.keys.lock().unwrap().push(Key {
            tag: tag.as_str().to_owned(),
            value: value.to_owned(),
            disabled: false,
        });
    }

    fn change(&self, id: &CredentialId, to: bool) {
        let mut keys = self.keys.lock().unwrap();
        let named = keys.iter_mut().filter(|key| named(&key.value) == *id);
        named.for_each(|key| key.disabled = to);
    }

    fn only(&self, chosen_by: ChosenBy) -> Result<()> {
        if self.chosen_by == chosen_by || self.fault == Fault::ProposesUnasked {
            return Ok(());
        }
        Err(Error::invalid("not this way"))
    }
}

fn named(value: &str) -> CredentialId {
    CredentialId::new(format!("id-{}", value.trim_start_matches("example-")))
}

fn credential(value: &str) -> Credential {
    Credential {
        id: named(value),
        fields: Fields::single(SecretValue::from(value.to_owned())),
    }
}

fn text(fields: &Fields) -> String {
    let value = fields.field("value").unwrap();
    value.expose_secret_str().unwrap().to_owned()
}

#[async_trait]
impl Issuer for Memory {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Overlap,
            chosen_by: self.chosen_by,
            find: Find::ByTag,
            lists_after: Duration::ZERO,
            idempotent_mint: self.chosen_by == ChosenBy::Issuer,
            identifies: true,
            tests: true,
            reversible: true,
            revokes: true,
            activates: false,
            reports_last_use: true,
            sessions: true,
            reuse: true,
            expires: false,
            host_bound: true,
            entropy_bits: None,
        }
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        Ok((self.fault != Fault::IdentifiesNothing).then(|| named(&text(fields))))
    }

    async fn propose(&self, _: Option<&CredentialId>) -> Result<Credential> {
        self.only(ChosenBy::Keywheel)?;
        Ok(credential(&self.draw()))
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let repeated = previous.is_some_and(|previous| candidate.matches(previous));
        if !repeated || self.fault == Fault::TakesThePrevious {
            return Ok(());
        }
        let shown = text(candidate);
        let shown = if self.fault == Fault::ShowsValues {
            &shown
        } else {
            "the value"
        };
        Err(Error::invalid(format!("{shown} comes again")))
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        self.only(ChosenBy::Issuer)?;
        let known = self
            .keys
            .lock()
            .unwrap()
            .iter()
            .find(|key| key.tag == tag.as_str())
            .map(|key| key.value.clone());
        if let Some(known) = known.filter(|_| self.fault != Fault::MintsTwice) {
            return Ok(credential(&known));
        }
        let value = self.draw();
        self.add(tag, &value);
        Ok(credential(&value))
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        self.only(ChosenBy::Keywheel)?;
        let value = text(&candidate.fields);
        if !self
            .keys
            .lock()
            .unwrap()
            .iter()
            .any(|key| key.value == value)
        {
            self.add(tag, &value);
        }
        Ok(())
    }

    async fn activate(&self, _: &Credential) -> Result<()> {
        Err(Error::invalid("nothing to activate"))
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let value = text(&credential.fields);
        let keys = self.keys.lock().unwrap();
        let alive = keys.iter().any(|key| key.value == value && !key.disabled);
        let alive = alive || self.fault == Fault::BelievesAnything;
        Ok(if alive {
            Liveness::Alive
        } else {
            Liveness::Dead
        })
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let keys = self.keys.lock().unwrap();
        Ok(match keys.iter().find(|key| named(&key.value) == *id) {
            None => CredentialState::Absent,
            Some(key) if key.disabled => CredentialState::Disabled,
            Some(_) => CredentialState::Active,
        })
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let keys = self.keys.lock().unwrap();
        let ours = keys.iter().filter(|key| key.tag == tag.as_str());
        let ours = ours.filter(|_| self.fault != Fault::FindsNothing);
        Ok(ours.map(|key| named(&key.value)).collect())
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        self.change(id, self.fault != Fault::OnlySaysDisabled);
        Ok(())
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        self.change(&credential.id, false);
        Ok(())
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        if self.fault != Fault::OnlySaysRevoked {
            self.keys
                .lock()
                .unwrap()
                .retain(|key| named(&key.value) != *id);
        }
        Ok(())
    }

    async fn last_used(&self, _: &CredentialId) -> Result<LastUse> {
        Ok(LastUse {
            at_ms: None,
            as_of_ms: 1,
            granularity: Duration::ZERO,
        })
    }

    async fn refused_uses(&self, _: &CredentialId, _: i64) -> Result<Vec<Refusal>> {
        Ok(Vec::new())
    }

    async fn sessions(&self, _: &CredentialId) -> Result<Vec<Session>> {
        Ok(Vec::new())
    }

    async fn end_sessions(&self, _: &CredentialId) -> Result<u64> {
        Ok(0)
    }
}

impl IssuerHarness for Memory {
    fn issuer(&self) -> &dyn Issuer {
        self
    }
}

#[tokio::test]
async fn honest_issuers_fail_no_case() {
    for (chosen_by, skipped) in [(ChosenBy::Keywheel, 1), (ChosenBy::Issuer, 2)] {
        let report = suite(&Memory::new(chosen_by, Fault::None)).await;
        assert_eq!(
            (report.failed(), report.skipped()),
            (0, skipped),
            "{report}"
        );
    }
}

#[tokio::test]
async fn each_broken_promise_of_an_issuer_is_caught() {
    use ChosenBy::{Issuer, Keywheel};
    for (chosen_by, fault, case) in [
        (
            Keywheel,
            Fault::ProposesTheSame,
            "a proposal is another one each time",
        ),
        (
            Keywheel,
            Fault::TakesThePrevious,
            "the previous value is refused again",
        ),
        (
            Keywheel,
            Fault::BelievesAnything,
            "a new credential is alive, a wrong one is not",
        ),
        (
            Keywheel,
            Fault::OnlySaysDisabled,
            "disable and enable hold, also when repeated",
        ),
        (
            Issuer,
            Fault::OnlySaysRevoked,
            "revoke holds, also when repeated",
        ),
        (
            Issuer,
            Fault::OnlySaysRevoked,
            "the state follows the life of a credential",
        ),
        (
            Issuer,
            Fault::FindsNothing,
            "a credential is found by its tag",
        ),
        (
            Issuer,
            Fault::MintsTwice,
            "minting twice under one tag makes one",
        ),
        (Issuer, Fault::IdentifiesNothing, "a value is identified"),
        (Issuer, Fault::ShowsValues, "no error shows the value"),
        (
            Issuer,
            Fault::ProposesUnasked,
            "what the capabilities rule out is invalid",
        ),
    ] {
        fails(&suite(&Memory::new(chosen_by, fault)).await, case);
    }
}
