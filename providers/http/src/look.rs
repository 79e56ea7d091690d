//! How a credential is found and looked at.

use crate::HttpIssuer;
use crate::listing::{Entry, FINGERPRINT, entry, state};
use crate::pack::{Cut, List, Look};
use crate::scope::Scope;
use crate::verdict;
use keywheel_contract::{CredentialId, CredentialState, Error, ErrorKind, Result};
use keywheel_http_client::Effect;

impl HttpIssuer {
    /// Every listed credential.
    pub(crate) async fn listed(&self, list: &List, scope: &mut Scope) -> Result<Vec<Entry>> {
        let listed = self.service.listed("list", list.walk(), scope).await?;
        let key = &self.service.key;
        let read = listed.items();
        Ok(read
            .filter_map(|item| entry(&list.item, item, key))
            .collect())
    }

    /// A name that no listed one can have is not that of one that is gone.
    fn ensure_findable(&self, list: &List, id: &CredentialId) -> Result<()> {
        if list.item.id_is != Cut::Fingerprint || id.as_str().starts_with(FINGERPRINT) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{}: its name is of an older kind, by which nothing is found: make another one there by hand, write it to its \
             store, run `keywheel inventory adopt --again` with the secret's id, and end the old one there by hand",
            self.pack().name
        )))
    }

    /// Names the credential for calls. Where they call it otherwise than its id, it is looked for in the list: `false`
    /// if it is not there.
    pub(crate) async fn names(&self, id: &CredentialId, scope: &mut Scope) -> Result<bool> {
        scope.set("id", id.as_str().into());
        scope.set("ref", id.as_str().into());
        let Some(list) = self
            .pack()
            .list
            .as_ref()
            .filter(|list| list.item.reference.is_some())
        else {
            return Ok(true);
        };
        self.ensure_findable(list, id)?;
        let listed = self.listed(list, scope).await?;
        let found = listed.into_iter().find(|entry| entry.id == id.as_str());
        let there = found.is_some();
        if let Some(found) = found {
            scope.set("ref", found.reference.into());
        }
        Ok(there)
    }

    async fn looked_at(&self, look: &Look, id: &CredentialId) -> Result<Option<CredentialState>> {
        let mut scope = self.service.inside().await?;
        if !self.names(id, &mut scope).await? {
            return Ok(None);
        }
        let answer = self
            .service
            .answer(&look.call, "admin", Effect::Reads, &mut scope, None);
        let (answer, told) = answer.await?;
        let what = self.service.what("look");
        match verdict::error(&answer, told, &what, Effect::Reads) {
            Some(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            Some(error) => return Err(error),
            None => {}
        }
        let body = answer.body.as_ref();
        let item = body.and_then(|body| body.value().pointer(&look.at));
        let item = item.ok_or_else(|| verdict::unreadable(&what, "credential", Effect::Reads))?;
        let words = look.state.as_ref();
        let shown = words.map_or(CredentialState::Active, |words| state(words, item));
        Ok(Some(shown))
    }

    /// The state as it is shown now; `None` where nothing is. One that is said to be gone is shown.
    pub(crate) async fn shown(&self, id: &CredentialId) -> Result<Option<CredentialState>> {
        if let Some(look) = &self.pack().look {
            return self.looked_at(look, id).await;
        }
        let Some(list) = &self.pack().list else {
            return Ok(Some(CredentialState::Unknown));
        };
        self.ensure_findable(list, id)?;
        let mut scope = self.service.inside().await?;
        let listed = self.listed(list, &mut scope).await?;
        let found = listed.into_iter().find(|entry| entry.id == id.as_str());
        Ok(found.map(|entry| entry.state))
    }
}
