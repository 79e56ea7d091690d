//! For commands that look at very many things: being told to slow down makes them wait, and nothing fails by it.

use keywheel_contract::{ErrorKind, Result};
use std::time::Duration;

/// The shortest wait after being told to slow down without being told how long.
const SHORTEST: Duration = Duration::from_secs(1);
/// No wait is longer: by then somebody else may have stopped asking.
const LONGEST: Duration = Duration::from_secs(60);

/// Makes a call that changes nothing, again and again as long as the answer is to slow down.
///
/// # Errors
/// Whatever else the call answers.
pub async fn patiently<T>(mut call: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut pause = SHORTEST;
    loop {
        let answer = call().await;
        let Err(error) = &answer else {
            return answer;
        };
        let ErrorKind::Throttled { after } = error.kind else {
            return answer;
        };
        tokio::time::sleep(after.unwrap_or(pause).clamp(SHORTEST / 10, LONGEST)).await;
        pause = (pause * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::patiently;
    use keywheel_contract::{Error, ErrorKind};
    use std::time::Duration;

    fn throttled() -> Error {
        let after = Some(Duration::from_millis(1));
        Error::new(ErrorKind::Throttled { after }, "slow down")
    }

    #[tokio::test]
    async fn slowing_down_is_no_failure_and_anything_else_is() {
        let mut left = 2;
        let answer = patiently(async || {
            left -= 1;
            if left > 0 { Err(throttled()) } else { Ok(left) }
        });
        assert_eq!(answer.await.ok(), Some(0));
        let away = patiently(async || Err::<(), _>(Error::unavailable("away")));
        assert_eq!(away.await.unwrap_err().word(), "unavailable");
    }
}
