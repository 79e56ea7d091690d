//! Access keys of an IAM user at an emulator that checks signatures and rights; AWS's own client is the witness.

mod conformance;
mod deviations;
mod doubt;
mod rig;
mod told;
