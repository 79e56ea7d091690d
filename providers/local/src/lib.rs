//! Providers of this machine.
