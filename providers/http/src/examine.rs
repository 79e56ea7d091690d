//! What can be told of a service without changing anything.

use crate::HttpIssuer;
use crate::listing::Entry;
use keywheel_contract::{CredentialId, CredentialState, Examination, Finding, Result, Verdict};

impl HttpIssuer {
    /// Whether we are let in, and which of these it has. That a change just made may not be shown yet is no reason to
    /// wait here: what is in use was made long ago, or the finding says so.
    pub(crate) async fn examined(&self, in_use: &[CredentialId]) -> Examination {
        let mut findings = Vec::new();
        if let Err(error) = self.tell(in_use, &mut findings).await {
            findings.push(Finding::of_error(&error));
        }
        let rights = &self.pack().least_privilege;
        Examination {
            findings,
            policy: (!rights.is_empty()).then(|| rights.clone()),
        }
    }

    async fn tell(&self, in_use: &[CredentialId], findings: &mut Vec<Finding>) -> Result<()> {
        let (pack, mut found) = (self.pack(), None);
        if pack.list.is_none() && pack.look.is_none() {
            let none = "the service tells nobody which credentials there are: nothing was asked";
            findings.push(Finding::new("reachable", Verdict::Unproven, none));
            return Ok(());
        }
        if let Some(list) = &pack.list {
            let listed = self.listed(list, &mut self.service.inside().await?).await?;
            let let_in = format!("it lets us in and lists {} credentials", listed.len());
            findings.push(Finding::new("reachable", Verdict::Good, let_in));
            found = Some(listed);
        }
        for id in in_use {
            let state = match &found {
                Some(listed) if pack.look.is_none() => Ok(Some(listed_state(listed, id))),
                _ => self.shown(id).await,
            };
            findings.push(match state {
                Ok(state) => Finding::in_use(id, state.unwrap_or(CredentialState::Absent)),
                Err(error) => Finding::of_one(id, &error).ok_or(error)?,
            });
        }
        let changes =
            "whether we may make and end credentials is told by no call that changes nothing";
        findings.push(Finding::new(
            "permission to change",
            Verdict::Unproven,
            changes,
        ));
        Ok(())
    }
}

fn listed_state(listed: &[Entry], id: &CredentialId) -> CredentialState {
    let found = listed.iter().find(|entry| entry.id == id.as_str());
    found.map_or(CredentialState::Absent, |entry| entry.state)
}
