//! Using a password as a consumer would: on a connection of its own.

use crate::account::{is_off, takes_any};
use crate::identity::hash;
use crate::server::Server;
use keywheel_contract::{Liveness, Result, SecretValue};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// As many ends of connections of ours are remembered: `ACL LOG` keeps 128 entries by itself (`acllog-max-len`).
const REMEMBERED: usize = 256;

/// Whence we were refused, so that we are not taken for a stranger.
#[derive(Default)]
pub(crate) struct OurOwn(Mutex<VecDeque<SocketAddr>>);

/// What the server said to a password.
#[derive(PartialEq, Eq)]
enum Said {
    Welcome,
    Wrong,
    Nothing,
}

/// What a consumer logs in with.
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a SecretValue,
}

impl Server {
    /// Accepted, and a wrong one beside it refused.
    ///
    /// # Errors
    /// `Invalid`: a person has to mend the user, for any or no password works.
    pub(crate) async fn test(&self, login: &Login<'_>, own: &OurOwn) -> Result<Liveness> {
        match self.try_out(login.user, login.password, own).await {
            Said::Nothing => Ok(Liveness::Unknown),
            Said::Wrong => self.refused(login).await,
            Said::Welcome => {
                let wrong = altered(login.password);
                match self.try_out(login.user, &wrong, own).await {
                    Said::Wrong => Ok(Liveness::Alive),
                    Said::Nothing => Ok(Liveness::Unknown),
                    Said::Welcome => Err(takes_any(login.user)),
                }
            }
        }
    }

    /// The server does not say whether the password is wrong or the user is off; only the first ends a credential.
    async fn refused(&self, login: &Login<'_>) -> Result<Liveness> {
        let ours = login.user == self.user();
        let account = match ours {
            true => self.admin().await?.account().await?,
            false => None,
        };
        let Some(account) = account else {
            return Ok(Liveness::Dead);
        };
        match account.hashes.contains(&hash(login.password)) {
            false => Ok(Liveness::Dead),
            true if !account.is_on() => Err(is_off(self.user())),
            // It was added, or the user turned on, in between.
            true => Ok(Liveness::Unknown),
        }
    }

    async fn try_out(&self, user: &str, password: &SecretValue, own: &OurOwn) -> Said {
        let Ok(mut link) = self.address.connect().await else {
            return Said::Nothing;
        };
        match link.login(user, password).await {
            Ok(()) => Said::Welcome,
            Err(trouble) if trouble.is("WRONGPASS") => {
                own.remember(link.from);
                Said::Wrong
            }
            Err(_) => Said::Nothing,
        }
    }
}

impl OurOwn {
    fn remember(&self, from: Option<SocketAddr>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(from);
        let surplus = known.len().saturating_sub(REMEMBERED);
        known.drain(..surplus);
    }

    /// Whether a refused login from there was ours.
    pub(crate) fn has(&self, from: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        from.parse().is_ok_and(|from| known.contains(&from))
    }
}

/// Another password of the same kind.
fn altered(password: &SecretValue) -> SecretValue {
    let mut bytes = password.expose_secret().to_vec();
    bytes.extend_from_slice(b"-wrong");
    SecretValue::new(bytes)
}
