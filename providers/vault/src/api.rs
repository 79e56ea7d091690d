//! One call: sent as us, sent once more with a new token where the old one is refused.

use crate::login::Login;
use crate::options::VaultOptions;
use crate::session::Session;
use crate::transport::{Answer, Transport};
use keywheel_contract::Result;
use keywheel_http_client::Effect;
use rustify::endpoint::Endpoint;
use std::path::Path;

/// The server, as us.
pub(crate) struct Api {
    transport: Transport,
    session: Session,
}

impl Api {
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub(crate) fn new(options: &VaultOptions, base: &Path) -> Result<Self> {
        let login = Login {
            options: options.login.clone(),
            base: base.to_owned(),
        };
        Ok(Self {
            transport: Transport::new(options, base)?,
            session: Session::new(login),
        })
    }

    /// The answer, whatever it is. A refusal for want of rights may mean that the token has ended, for the
    /// server does not say which: nothing was done, so that it is sent again with a new one, once.
    pub(crate) async fn call<E: Endpoint>(&self, endpoint: &E, effect: Effect) -> Result<Answer> {
        let token = self.session.token(&self.transport).await?;
        let answer = self.transport.send(endpoint, Some(&token), effect).await?;
        if answer.status != 403 {
            return Ok(answer);
        }
        self.session.refused(&token).await;
        let token = self.session.token(&self.transport).await?;
        self.transport.send(endpoint, Some(&token), effect).await
    }
}
