//! Cases that were once found.
