//! Who is logged in as the user, and who was refused.
//!
//! Redis does not say which password a connection was opened with. One that was opened after a password was taken away
//! was opened with another; all others may have been opened with it.

use crate::link::Effect;
use crate::login::OurOwn;
use crate::reply::{Client, RefusedLogin};
use crate::server::{Admin, Server};
use keywheel_contract::{CredentialId, Refusal, Result};
use redis::Value;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The newest connection at the moment at which a password was taken away, for as long as this process lives.
#[derive(Default)]
pub(crate) struct TakenAway(Mutex<HashMap<CredentialId, u64>>);

impl TakenAway {
    /// What is opened from now on is opened with another password. Where it had been taken away before, the first
    /// moment counts, so that connections made since are spared.
    pub(crate) fn remember(&self, id: &CredentialId, newest: u64, just_now: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match just_now {
            true => drop(known.insert(id.clone(), newest)),
            false => _ = known.entry(id.clone()).or_insert(newest),
        }
    }

    /// It works again.
    pub(crate) fn forget(&self, id: &CredentialId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(id);
    }

    fn newest(&self, id: &CredentialId) -> Option<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).copied()
    }
}

impl Admin<'_> {
    /// The number of our own connection, which is higher than that of every older one.
    pub(crate) async fn own_number(&mut self) -> Result<u64> {
        let command = redis::cmd("CLIENT").arg("ID").take();
        self.read("CLIENT ID", &command).await
    }

    /// Connections that may have been opened with this password.
    pub(crate) async fn sessions(
        &mut self,
        id: &CredentialId,
        taken_away: &TakenAway,
    ) -> Result<Vec<Client>> {
        let command = redis::cmd("CLIENT").arg("LIST").take();
        let told: String = self.read("CLIENT LIST", &command).await?;
        let newest = taken_away.newest(id).unwrap_or(u64::MAX);
        let user = self.server.user();
        let suspects = |client: &Client| client.user == user && client.id <= newest;
        Ok(told
            .lines()
            .filter_map(Client::read)
            .filter(suspects)
            .collect())
    }

    /// Closes them, and says how many there were.
    pub(crate) async fn end(&mut self, sessions: &[Client]) -> Result<u64> {
        let mut ended = 0;
        for client in sessions {
            let mut command = redis::cmd("CLIENT");
            command.arg("KILL").arg("ID").arg(client.id);
            let closed = self.link.ask::<u64>(&command).await;
            ended += closed.map_err(|trouble| {
                trouble.error(&self.server.address, "CLIENT KILL", Effect::Changes)
            })?;
        }
        Ok(ended)
    }
}

impl Server {
    /// Refused logins of the user since then that were not ours.
    pub(crate) async fn refused_uses(&self, since_ms: i64, own: &OurOwn) -> Result<Vec<Refusal>> {
        let command = redis::cmd("ACL").arg("LOG").take();
        let mut admin = self.admin().await?;
        let entries: Vec<HashMap<String, Value>> = admin.read("ACL LOG", &command).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or(Duration::ZERO);
        let logins = entries.iter().filter_map(RefusedLogin::read);
        let strangers =
            logins.filter(|login| login.user == self.user() && !own.has(&login.client.address));
        let refusals = strangers.map(|login| Refusal {
            at_ms: moment(now, login.seconds_ago),
            from: login.client.described(),
        });
        Ok(refusals
            .filter(|refusal| refusal.at_ms >= since_ms)
            .collect())
    }
}

fn moment(now: Duration, seconds_ago: f64) -> i64 {
    let ago = Duration::try_from_secs_f64(seconds_ago).unwrap_or(Duration::ZERO);
    i64::try_from(now.saturating_sub(ago).as_millis()).unwrap_or(i64::MAX)
}
