//! Services of this machine's systemd that consumers are.

use crate::config::Config;
use crate::inventory::UnitSpec;
use keywheel_contract::{Consumer, Error, Result};
use std::sync::Arc;

/// The service that an entry of an environment names. Plans are older than today's `keywheel.toml`, which decides.
///
/// # Errors
/// `Denied`: `keywheel.toml` does not allow it. `Invalid`: systemd is not part of this build.
pub(super) fn one(
    spec: &UnitSpec,
    environment: &str,
    config: &Config,
) -> Result<Arc<dyn Consumer>> {
    let units = config.units.get(environment);
    match units.is_some_and(|units| units.allow(&spec.name)) {
        true => made(spec),
        false => Err(Error::denied(format!(
            "unit `{}` is not allowed for `{environment}`: add it to `units.{environment}` in keywheel.toml",
            spec.name
        ))),
    }
}

#[cfg(feature = "systemd")]
fn made(spec: &UnitSpec) -> Result<Arc<dyn Consumer>> {
    use crate::inventory::UnitBy;
    use keywheel_provider_systemd::{Told, Unit};
    let told = match spec.by {
        UnitBy::Restart => Told::Restart,
        UnitBy::Reload => Told::Reload,
    };
    Ok(Arc::new(Unit::new(&spec.name, told)))
}

#[cfg(not(feature = "systemd"))]
fn made(spec: &UnitSpec) -> Result<Arc<dyn Consumer>> {
    Err(Error::invalid(format!(
        "this build knows nothing of systemd, nor of {}",
        spec.name
    )))
}
