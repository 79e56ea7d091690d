//! Who came with a password that is refused.

use crate::login::OurOwn;
use crate::reply::RefusedLogin;
use crate::server::Server;
use keywheel_contract::{Refusal, Result};
use redis::Value;
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl Server {
    /// Refused logins of the user since then that were not ours, epoch milliseconds. Which password it was is not told.
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
