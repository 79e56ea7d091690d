//! Paths that a person wrote, counted from where `keywheel.toml` lies.

use crate::config::Config;
use crate::inventory::{ConsumerSpec, NotifySpec, Reference, VerifySpec};

/// The same consumer with every path counted from the folder of `keywheel.toml`.
pub(super) fn absolute(config: &Config, spec: &ConsumerSpec) -> ConsumerSpec {
    let path = |text: &String| config.absolute(text).display().to_string();
    let bearer = |bearer: &Option<Reference>| match bearer {
        Some(Reference::File(file)) => Some(Reference::File(path(file))),
        other => other.clone(),
    };
    let notify = match &spec.notify {
        NotifySpec::Http { url, bearer: b } => NotifySpec::Http {
            url: url.clone(),
            bearer: bearer(b),
        },
        other => other.clone(),
    };
    let verify = match &spec.verify {
        VerifySpec::Http { url, bearer: b } => VerifySpec::Http {
            url: url.clone(),
            bearer: bearer(b),
        },
        VerifySpec::File {
            path: file,
            pid_file,
            reloaded_file,
        } => VerifySpec::File {
            path: path(file),
            pid_file: pid_file.as_ref().map(path),
            reloaded_file: reloaded_file.as_ref().map(path),
        },
        other => other.clone(),
    };
    ConsumerSpec {
        notify,
        verify,
        ..spec.clone()
    }
}
