//! Enabling, disabling and destroying one version under its etag.

use crate::api::{Api, changing};
use crate::standing::Numbered;
use keywheel_contract::{Error, ErrorKind, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    Enable,
    Disable,
    Destroy,
}

impl Switch {
    fn verb(self) -> &'static str {
        match self {
            Self::Enable => "enabling",
            Self::Disable => "disabling",
            Self::Destroy => "destroying",
        }
    }

    /// Whether nothing is left to be done.
    pub(crate) fn is_done(self, version: &Numbered) -> bool {
        match self {
            Self::Enable => version.is_enabled(),
            Self::Disable => !version.is_enabled(),
            Self::Destroy => version.is_destroyed() || version.scheduled,
        }
    }
}

impl Api {
    /// Switches a version that is as it was seen; what it is then.
    ///
    /// # Errors
    /// `Conflict`: somebody changed it since, into something else than was wanted.
    pub(crate) async fn switch(
        &self,
        path: &str,
        seen: &Numbered,
        switch: Switch,
    ) -> Result<Numbered> {
        let what = format!("{} version {} of `{path}`", switch.verb(), seen.number);
        match self.send(path, seen, switch, &what).await {
            // Its state does not allow it any more, or its etag is another one.
            Err(error) if error.kind == ErrorKind::Invalid => {
                let now = self.version(path, seen.number).await?;
                match now {
                    Some(now) if switch.is_done(&now) => Ok(now),
                    Some(now) if now.etag == seen.etag => Err(error),
                    _ => Err(Error::conflict(
                        None,
                        format!("{what}: somebody changed it just before us"),
                    )),
                }
            }
            other => other,
        }
    }

    async fn send(
        &self,
        path: &str,
        seen: &Numbered,
        switch: Switch,
        what: &str,
    ) -> Result<Numbered> {
        let service = self.client.service().await?;
        let name = format!("{}/versions/{}", self.name(path), seen.number);
        let etag = seen.etag.as_str();
        let answer = match switch {
            Switch::Enable => {
                let call = service.enable_secret_version().set_name(name);
                changing(call.set_etag(etag).send(), what).await
            }
            Switch::Disable => {
                let call = service.disable_secret_version().set_name(name);
                changing(call.set_etag(etag).send(), what).await
            }
            Switch::Destroy => {
                let call = service.destroy_secret_version().set_name(name);
                changing(call.set_etag(etag).send(), what).await
            }
        };
        let version = answer?;
        Numbered::read(&version)
            .ok_or_else(|| Error::unknown_outcome(format!("{what}: the answer cannot be read")))
    }
}
