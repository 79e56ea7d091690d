//! Who is logged in, as people are told.

use keywheel_contract::Session;

/// One session of a server; what it does not show is said so.
#[must_use]
pub fn session(id: String, address: Option<String>, application: Option<String>) -> Session {
    let from = format!(
        "{} ({})",
        address.as_deref().unwrap_or("an address not shown"),
        application.as_deref().unwrap_or("no name")
    );
    Session {
        id,
        from,
        address,
        application,
    }
}
