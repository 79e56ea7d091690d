//! The calls about Secrets.

use crate::fields::OWNER;
use crate::place::Named;
use crate::refusal::parse;
use crate::secret::Standing;
use crate::transport::{Form, Transport};
use keywheel_contract::Result;
use keywheel_http_client::Effect;
use reqwest::Method;
use zeroize::Zeroizing;

/// How answers are asked for.
pub(crate) const JSON: &str = "application/json";

/// One cluster, called as one service account.
pub(crate) struct Cluster {
    pub(crate) transport: Transport,
}

/// What became of a write.
pub(crate) enum Written {
    /// This stands there now.
    As(Box<Standing>),
    /// Nothing was done, for what stands there is not what we saw.
    TooLate,
}

impl Cluster {
    /// The Secret as it is now, if there is one.
    pub(crate) async fn secret(&self, named: Named<'_>) -> Result<Option<Standing>> {
        let answer = self.transport.get(&named.url(), &[], JSON).await?;
        match answer.status {
            404 => Ok(None),
            _ => parse(&answer, &format!("reading {named}"), Effect::Reads).map(Some),
        }
    }

    /// Makes a Secret where there is none: the one write that fails where something stands already.
    pub(crate) async fn create(
        &self,
        named: Named<'_>,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Written> {
        let what = format!("creating {named}");
        self.write(
            Method::POST,
            &named.folder(),
            &[OWNER],
            (Form::Json, body),
            &what,
        )
        .await
    }

    /// Applies over exactly the Secret whose `resourceVersion` the body names. Forced: what it takes from other
    /// managers is what we saw there.
    pub(crate) async fn apply(
        &self,
        named: Named<'_>,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Written> {
        let what = format!("writing {named}");
        let query = [OWNER, ("force", "true")];
        self.write(
            Method::PATCH,
            &named.url(),
            &query,
            (Form::Apply, body),
            &what,
        )
        .await
    }

    async fn write(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: (Form, Zeroizing<Vec<u8>>),
        what: &str,
    ) -> Result<Written> {
        let answer = self
            .transport
            .put(method, path, query, body, Effect::Changes)
            .await?;
        if answer.is_too_late() {
            return Ok(Written::TooLate);
        }
        let standing = parse(&answer, what, Effect::Changes)?;
        Ok(Written::As(Box::new(standing)))
    }
}
