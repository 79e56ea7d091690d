//! AWS's time, as its answers tell it: what AWS dates is compared with nothing else.

use aws_sdk_iam::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_iam::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iam::error::BoxError;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Our clock, put right by the last answer; copies share it. Milliseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// AWS's time, epoch milliseconds, give or take a second and the way here.
    pub(crate) fn now_ms(&self) -> i64 {
        Utc::now().timestamp_millis() + self.0.load(Ordering::Relaxed)
    }

    fn heard(&self, date: &str) {
        if let Ok(theirs) = DateTime::parse_from_rfc2822(date) {
            let off = theirs.timestamp_millis() - Utc::now().timestamp_millis();
            self.0.store(off, Ordering::Relaxed);
        }
    }
}

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "keywheel clock"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.heard(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use chrono::{TimeDelta, Utc};

    #[test]
    fn the_last_answer_puts_it_right() {
        let clock = Clock::default();
        clock.heard("no date");
        assert!((clock.now_ms() - Utc::now().timestamp_millis()).abs() < 1_000);
        let theirs = Utc::now() - TimeDelta::hours(2);
        clock.heard(&theirs.to_rfc2822());
        assert!((clock.now_ms() - theirs.timestamp_millis()).abs() < 2_000);
    }
}
