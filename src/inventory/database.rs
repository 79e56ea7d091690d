//! What the inventory writes alike for every issuer of database passwords.

use crate::config::file::{Key, Keys, Shape};

/// `admin = { user = "…", password = { … } }`
pub(super) static ADMIN: Keys = Keys {
    title: "an admin of the server",
    keys: &[&[
        Key::needed("user", Shape::Text, "its name; never one that is rotated"),
        Key::needed("password", Shape::Reference, "where its password lies"),
    ]],
    one_of: &[],
};
