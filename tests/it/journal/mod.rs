//! The journal: one list of cases on both databases, then what only SQLite files go through.

mod bench;
mod fixtures;

mod closures;
mod leases;
