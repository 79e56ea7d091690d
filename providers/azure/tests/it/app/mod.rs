//! Secrets of an application, at a fake of Graph and Entra; Microsoft's own client is the witness of logins.

mod conformance;
mod doubt;
mod rig;
mod told;
