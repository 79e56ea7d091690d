//! Calls about nothing: whoever may make them is told that it is not there, and nothing changes.

use crate::calls::Calls;
use crate::refusal::{Effect, date, refusal};
use crate::secret::STAGED;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use keywheel_contract::Result;

/// A name that no secret has, a label and a version that no secret has.
const NOBODY: &str = "keywheel/there-is-no-such-secret";
const NO_LABEL: &str = "KEYWHEEL_THERE_IS_NO_SUCH_LABEL";
const NO_VERSION: &str = "00000000-0000-0000-0000-000000000000";

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Reads the value under a label that is not there.
    Get,
    /// Lists one version.
    List,
    /// Writes a version without a value, which is always refused.
    Put,
    /// Takes our label from a version that is not there.
    Move,
}

impl Probe {
    /// Whether a refusal for another reason than rights proves the right. AWS may look at the form of a call before
    /// it looks at rights; a name that is not there it looks up afterwards.
    pub(crate) fn proves(self) -> bool {
        self != Self::Put
    }
}

impl Calls {
    /// One such call; what it is told is an error.
    pub(crate) async fn probe(&self, path: &str, probe: Probe) -> Result<()> {
        let client = &self.clients().await?.secrets;
        let what = format!("trying `{path}`");
        match probe {
            Probe::Get => {
                let asked = client.get_secret_value().secret_id(path);
                told(asked.version_stage(NO_LABEL).send().await, &what)
            }
            Probe::List => {
                let asked = client.list_secret_version_ids().secret_id(path);
                told(asked.max_results(1).send().await, &what)
            }
            Probe::Put => {
                let asked = client.put_secret_value().secret_id(path);
                told(asked.version_stages(STAGED).send().await, &what)
            }
            Probe::Move => {
                let asked = client.update_secret_version_stage().secret_id(path);
                let asked = asked.version_stage(STAGED);
                told(asked.remove_from_version_id(NO_VERSION).send().await, &what)
            }
        }
    }

    /// What AWS takes for the present time, from the refusal of a question about nothing.
    pub(crate) async fn date(&self) -> Option<String> {
        let client = &self.clients().await.ok()?.secrets;
        let told = client.describe_secret().secret_id(NOBODY).send().await;
        told.err().as_ref().and_then(date).map(str::to_owned)
    }
}

fn told<T, E>(answer: std::result::Result<T, SdkError<E>>, what: &str) -> Result<()>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(_) => Ok(()),
        Err(error) => Err(refusal(&error, what, Effect::Reads)),
    }
}
