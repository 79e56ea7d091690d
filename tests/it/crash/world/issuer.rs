//! A scripted issuer of every style, with the truth about what lives.

use super::World;
use super::truth::{Life, Made, Truth};
use async_trait::async_trait;
use keywheel::rotation::words::Kind;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, LastUse, Liveness, Result, SecretValue, Session, Style, Tag,
};
use std::sync::Arc;
use std::time::Duration;

/// Able to do everything a style of issuer may be able to do.
pub(crate) fn capable(style: Style, chosen_by: ChosenBy) -> IssuerCapabilities {
    IssuerCapabilities {
        style,
        chosen_by,
        find: if chosen_by == ChosenBy::Issuer {
            Find::ByTag
        } else {
            Find::ByValue
        },
        lists_after: Duration::ZERO,
        idempotent_mint: false,
        identifies: true,
        tests: true,
        reversible: style != Style::InPlace,
        revokes: style != Style::InPlace,
        activates: false,
        reports_last_use: false,
        sessions: false,
        reuse: true,
        expires: false,
        host_bound: false,
        entropy_bits: Some(128),
    }
}

/// The credentials of the world as an issuer.
pub(crate) struct ScriptedIssuer {
    pub(crate) world: Arc<World>,
    pub(crate) can: IssuerCapabilities,
}

fn value_of(fields: &Fields) -> String {
    let value = fields
        .field("value")
        .and_then(SecretValue::expose_secret_str);
    value.unwrap_or_default().to_owned()
}

fn credential(made: &Made) -> Credential {
    Credential {
        id: CredentialId::new(&made.id),
        fields: Fields::single(SecretValue::from(made.value.clone())),
    }
}

fn mint(truth: &mut Truth, tag: &str) -> Result<Credential> {
    if let Some(made) = truth.made.iter().find(|made| made.tag == tag) {
        return Ok(credential(made));
    }
    let made = Made {
        id: format!("c{}", truth.made.len()),
        value: truth.fresh_value(),
        tag: tag.to_owned(),
        life: Life::Active,
    };
    let answer = credential(&made);
    truth.made.push(made);
    Ok(answer)
}

#[async_trait]
impl Issuer for ScriptedIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        self.can.clone()
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let value = value_of(fields);
        let truth = self.world.truth();
        let found = truth.made.iter().find(|made| made.value == value);
        Ok(found.map(|made| CredentialId::new(&made.id)))
    }

    async fn propose(&self, current: Option<&CredentialId>) -> Result<Credential> {
        let current = current.map_or("c0", CredentialId::as_str);
        let id = match (self.can.style, current) {
            (Style::Alternating, "c0") => "c1",
            (Style::Alternating, _) => "c0",
            _ => current,
        };
        let value = self.world.truth().fresh_value();
        Ok(Credential {
            id: CredentialId::new(id),
            fields: Fields::single(SecretValue::from(value)),
        })
    }

    async fn check_format(&self, _: &Fields, _: Option<&Fields>) -> Result<()> {
        Ok(())
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        let text = tag.as_str().to_owned();
        let attempt = text.rsplit('-').next().unwrap_or_default().to_owned();
        if self.can.idempotent_mint {
            let truth = self.world.truth();
            if let Some(made) = truth.made.iter().find(|made| made.tag == text) {
                return Ok(credential(made));
            }
        }
        let call = move |truth: &mut Truth| mint(truth, &text);
        self.world.carry_try(Kind::Mint, &attempt, call).await
    }

    async fn apply(&self, _: &Tag, candidate: &Credential) -> Result<()> {
        let (id, value) = (
            candidate.id.as_str().to_owned(),
            value_of(&candidate.fields),
        );
        let call = move |truth: &mut Truth| {
            truth.honours(&id, &value);
            Ok(())
        };
        let kinds = [Kind::Apply, Kind::ApplyBack];
        self.world
            .carry(&kinds, candidate.id.as_str(), None, call)
            .await
    }

    async fn activate(&self, candidate: &Credential) -> Result<()> {
        let live = value_of(&candidate.fields);
        let call = move |truth: &mut Truth| match truth.is_live(&live) {
            true => Ok(()),
            false => Err(Error::invalid("it does not live")),
        };
        let kinds = [Kind::Activate];
        self.world
            .carry(&kinds, candidate.id.as_str(), None, call)
            .await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let live = self.world.truth().is_live(&value_of(&credential.fields));
        Ok(if live {
            Liveness::Alive
        } else {
            Liveness::Dead
        })
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let mut truth = self.world.truth();
        Ok(match truth.by_id(id.as_str()).map(|made| made.life) {
            Some(Life::Active) => CredentialState::Active,
            Some(Life::Disabled) => CredentialState::Disabled,
            Some(Life::Ended) | None => CredentialState::Absent,
        })
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let truth = self.world.truth();
        let tagged = truth
            .made
            .iter()
            .filter(|made| made.tag == tag.as_str() && made.life != Life::Ended);
        Ok(tagged.map(|made| CredentialId::new(&made.id)).collect())
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        let named = id.as_str().to_owned();
        let call = move |truth: &mut Truth| truth.end(&named, Life::Disabled);
        let kinds = [Kind::DisableCredential];
        self.world.carry(&kinds, id.as_str(), None, call).await
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        let named = credential.id.as_str().to_owned();
        let call = move |truth: &mut Truth| truth.revive(&named);
        let kinds = [Kind::EnableCredential];
        self.world
            .carry(&kinds, credential.id.as_str(), None, call)
            .await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        let named = id.as_str().to_owned();
        let call = move |truth: &mut Truth| truth.end(&named, Life::Ended);
        let kinds = [Kind::Revoke, Kind::RevokeOrphan, Kind::DestroyCandidate];
        self.world.carry(&kinds, id.as_str(), None, call).await
    }

    async fn last_used(&self, _: &CredentialId) -> Result<LastUse> {
        let now = self.world.now_ms();
        Ok(LastUse {
            at_ms: None,
            as_of_ms: now,
            granularity: Duration::from_millis(1),
        })
    }

    async fn sessions(&self, _: &CredentialId) -> Result<Vec<Session>> {
        Ok(Vec::new())
    }

    async fn end_sessions(&self, id: &CredentialId) -> Result<u64> {
        let kinds = [Kind::EndSessions];
        self.world.carry(&kinds, id.as_str(), None, |_| Ok(1)).await
    }
}
