//! The journal: one list of cases on both databases, then what only SQLite files go through.

mod bench;
mod child;
mod fixtures;

mod attestations;
mod audit;
mod closures;
mod crash;
mod evidence;
mod files;
mod leases;
mod opening;
mod plans;
mod quotas;
mod replicas;
mod requests;
mod rotations;
mod secrets;
mod sharing;
mod shredding;
mod spreads;
mod stirring;
mod tables;
mod together;
