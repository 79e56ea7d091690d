//! Our token: obtained at the first call, renewed in time, obtained anew when it is refused.

use crate::login::{Granted, Login};
use crate::transport::Transport;
use keywheel_contract::{ErrorKind, Result, SecretValue};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A renewal that grants less than this part of the first lifetime has met the token's last hour.
const WORTHWHILE: u32 = 2;

/// Who we are at the server. One call at a time obtains or renews the token; all others wait for it.
pub(crate) struct Session {
    login: Login,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Arc<SecretValue>,
    granted_for: Duration,
    /// None where the token does not end.
    ends: Option<Instant>,
    renew_from: Option<Instant>,
    renewable: bool,
}

/// What to do about the token at hand.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Use,
    Renew,
    Enter,
}

impl Held {
    fn new(granted: Granted, now: Instant) -> Self {
        let life = Duration::from_secs(granted.seconds);
        let ends = (granted.seconds > 0).then(|| now + life);
        Self {
            token: Arc::new(granted.token),
            granted_for: life,
            ends,
            renew_from: ends.map(|_| now + life * 2 / 3),
            renewable: granted.renewable,
        }
    }

    fn step(&self, now: Instant) -> Step {
        match (self.renew_from, self.ends) {
            (Some(from), Some(ends)) if now >= from => {
                if self.renewable && now < ends {
                    Step::Renew
                } else {
                    Step::Enter
                }
            }
            _ => Step::Use,
        }
    }
}

impl Session {
    pub(crate) fn new(login: Login) -> Self {
        Self {
            login,
            held: Mutex::new(None),
        }
    }

    /// The token to use now.
    pub(crate) async fn token(&self, transport: &Transport) -> Result<Arc<SecretValue>> {
        let mut held = self.held.lock().await;
        let now = Instant::now();
        let next = match held.take() {
            None => self.enter(transport).await?,
            Some(known) => match known.step(now) {
                Step::Use => known,
                Step::Renew => self.renew(transport, known).await?,
                Step::Enter => self.reenter(transport, known, now).await?,
            },
        };
        let token = Arc::clone(&next.token);
        *held = Some(next);
        Ok(token)
    }

    /// The server refused this token: the next call obtains another.
    pub(crate) async fn refused(&self, token: &Arc<SecretValue>) {
        let mut held = self.held.lock().await;
        if held
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(&held.token, token))
        {
            *held = None;
        }
    }

    async fn enter(&self, transport: &Transport) -> Result<Held> {
        let now = Instant::now();
        Ok(Held::new(self.login.enter(transport).await?, now))
    }

    /// A token that cannot be renewed is used to its end where logging in fails.
    async fn reenter(&self, transport: &Transport, known: Held, now: Instant) -> Result<Held> {
        match self.enter(transport).await {
            Err(_) if known.ends.is_some_and(|ends| now < ends) => Ok(known),
            other => other,
        }
    }

    async fn renew(&self, transport: &Transport, known: Held) -> Result<Held> {
        let now = Instant::now();
        match Login::renew(transport, &known.token).await {
            Ok(granted) => {
                let renewed = Held::new(granted, now);
                if renewed.granted_for >= known.granted_for / WORTHWHILE {
                    return Ok(renewed);
                }
                self.reenter(transport, renewed, now).await
            }
            // Still good for a while: a server that is away now may be back by then.
            Err(error) if is_passing(&error.kind) => Ok(known),
            Err(_) => self.reenter(transport, known, now).await,
        }
    }
}

fn is_passing(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Throttled { .. })
}

#[cfg(test)]
mod tests {
    use super::{Held, Step};
    use crate::login::Granted;
    use keywheel_contract::SecretValue;
    use std::time::{Duration, Instant};

    fn held(seconds: u64, renewable: bool, now: Instant) -> Held {
        let token = SecretValue::from("example".to_owned());
        let granted = Granted {
            token,
            seconds,
            renewable,
        };
        Held::new(granted, now)
    }

    #[test]
    fn a_token_is_renewed_in_its_last_third() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let renewable = held(300, true, now);
        assert_eq!(renewable.step(at(199)), Step::Use);
        assert_eq!(renewable.step(at(200)), Step::Renew);
        assert_eq!(renewable.step(at(300)), Step::Enter);
        assert_eq!(held(300, false, now).step(at(200)), Step::Enter);
        assert_eq!(held(0, false, now).step(at(1_000_000)), Step::Use);
    }
}
