//! Files that people write: parsed with the place of every key and value, checked against one table of keys
//! that is also the JSON Schema, and complained about all at once.

mod check;
mod literal;
mod parse;
mod problem;
mod schema;
mod shape;
mod tree;

pub(crate) use check::{check, check_settings, is_name, not_a_name, told_once};
pub(crate) use literal::{has_password_in_url, is_named_like_one, looks_like_one};
pub(crate) use parse::{hash, parse};
pub use problem::Problem;
pub(crate) use problem::{did_you_mean, listed};
pub(crate) use schema::schema_of;
#[cfg(feature = "http")]
pub(crate) use shape::{Follows, MayFollow};
pub(crate) use shape::{Key, Keys, Kind, Kinded, Shape};
pub(crate) use tree::{Entry, Node, Place, Table, Tree};
