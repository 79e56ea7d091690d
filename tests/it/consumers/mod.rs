//! Consumers over real sockets, files and processes: those that behave and those that do not.

mod attest;
mod document;
mod file;
mod guards;
mod handshake;
mod hostile;
mod languages;
mod notify;
mod rig;
mod server;
mod service;
mod tls;
