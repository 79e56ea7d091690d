//! Our own credential at a service: keywheel does not saw off its own branch.

use crate::HttpIssuer;
use keywheel_contract::{Credential, CredentialId, Error, Fields, Result, SecretValue};

impl HttpIssuer {
    /// Whoever ends the credential that it asks with can end nothing more, and cannot take it back.
    ///
    /// # Errors
    /// `Invalid`: it is ours. Or what we are known by cannot be read, or the service cannot be asked whose it is.
    pub(crate) async fn ensure_not_own(&self, credential: &Credential) -> Result<()> {
        if credential.fields.is_empty() {
            return self.ensure_not_named(&credential.id).await;
        }
        self.ensure_none_of_ours(&credential.fields).await
    }

    /// The same by the value alone, and by what names it: other public fields may well be the same.
    pub(crate) async fn ensure_none_of_ours(&self, fields: &Fields) -> Result<()> {
        let (ours, naming) = (self.ours().await?, self.naming_field());
        let public = |name| self.pack().fields.get(name).is_some_and(|one| one.public);
        let tells = |name| !public(name) || naming == Some(name);
        let telling: Vec<_> = fields.iter().filter(|(name, _)| tells(name)).collect();
        let same = |one: &SecretValue| telling.iter().any(|(_, value)| value.matches(one));
        match ours.iter().find(|(_, one)| same(one)) {
            Some((name, _)) => Err(self.own(name)),
            None => Ok(()),
        }
    }

    /// The same by its id alone, where the pack says how a value is named.
    pub(crate) async fn ensure_not_named(&self, id: &CredentialId) -> Result<()> {
        let Some(field) = self.naming_field() else {
            return Ok(());
        };
        for (name, value) in self.ours().await? {
            let fields = [(field.to_owned(), value)].into_iter().collect();
            if self.name_of(&fields).await?.as_ref() == Some(id) {
                return Err(self.own(name));
            }
        }
        Ok(())
    }

    /// What keywheel itself is known by there, as it is now.
    async fn ours(&self) -> Result<Vec<(&str, SecretValue)>> {
        let mut scope = self.service.inside().await?;
        let names = self.pack().credentials.keys();
        let read = names.filter_map(|name| Some((name.as_str(), scope.take(name)?)));
        Ok(read.collect())
    }

    /// The field that a credential is named by.
    fn naming_field(&self) -> Option<&str> {
        let identify = self.pack().identify.as_ref()?;
        let cut = identify.cut.as_ref().map(|(field, _)| field.as_str());
        let mut secret = self.pack().fields.iter().filter(|(_, field)| !field.public);
        let shown = || secret.next().map(|(name, _)| name.as_str());
        cut.or(identify.by_hint.as_deref()).or_else(shown)
    }

    fn own(&self, name: &str) -> Error {
        Error::invalid(format!(
            "{}: keywheel itself asks with this credential (`credentials.{name}`), which it could not end: give the \
             issuer another one; nothing was changed",
            self.pack().name
        ))
    }
}
