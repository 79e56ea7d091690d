//! The journal: one list of cases on both databases, then what only SQLite files go through.

mod bench;
mod fixtures;

mod audit;
mod closures;
mod evidence;
mod leases;
mod replicas;
mod requests;
mod rotations;
mod secrets;
mod tables;
