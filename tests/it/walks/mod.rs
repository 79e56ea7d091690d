//! Whole rotations, end to end, in every mode and for every style of issuer, as a person sees them.

mod assisted;
mod destinations;
mod emergency;
#[cfg(all(
    feature = "aws",
    feature = "azure",
    feature = "doppler",
    feature = "google",
    feature = "vault"
))]
mod everywhere;
mod newcomer;
mod overlap;
mod pause;
mod previous;
mod reenable;
mod rollback;
#[cfg(feature = "http")]
mod signing;
mod webhooks;
