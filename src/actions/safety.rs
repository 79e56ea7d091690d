//! What is still safe, in one sentence: the first thing a person at night wants to know.

use crate::journal::rotations::Run;
use crate::rotation::phase::Phase;
use crate::rotation::words::Mode;

/// Which credentials work in this phase of a run.
pub fn what_is_safe(run: &Run) -> &'static str {
    match (run.mode, run.phase) {
        (_, Phase::Planned | Phase::Preflight | Phase::Cancelled) => {
            "nothing was changed; the credential in use works"
        }
        (_, Phase::Completed) if run.plan.ends_elsewhere() => {
            "the new credential is in use; what became of the old one is for its issuer to say"
        }
        (_, Phase::Completed) => "the new credential is in use; the old one is over",
        (_, Phase::RolledBack) => "the old credential is in use again; the new one is gone",
        (Mode::Contain, _) => {
            "the leaked credential is ended first; consumers are out until the new one is published"
        }
        (_, Phase::Restoring) => "the old credential works and is being put back everywhere",
        _ if run.plan.in_place.is_some() && run.phase >= Phase::Minting => {
            "this secret has one value at a time: consumers that have not read the new one may be out"
        }
        (_, Phase::Publishing | Phase::Notifying | Phase::Verifying | Phase::Overlapping)
            if run.plan.shows_one_value() =>
        {
            "the new value is shown alone: consumers that have not read it still use the old one"
        }
        (_, Phase::Minting | Phase::Testing) => {
            "the credential in use works; the new one is published nowhere"
        }
        (_, Phase::Publishing | Phase::Notifying | Phase::Verifying | Phase::Overlapping) => {
            "both credentials work"
        }
        (_, Phase::Disabling | Phase::Observing) => {
            "the new credential works; the old one is or will be disabled and can be brought back"
        }
        (_, Phase::Revoking | Phase::Confirming) => {
            "the new credential works and is proven; the old one is being ended for good"
        }
    }
}
