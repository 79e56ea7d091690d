//! Providers that are outside programs.
