//! `listen`: where a daemon answers requests. Without it, it listens nowhere.

use super::file::{Problem, Table};
use std::net::SocketAddr;

pub(super) fn listen(config: &Table, problems: &mut Vec<Problem>) -> Option<SocketAddr> {
    let node = config.node("listen")?;
    match node.text()?.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(address),
        Ok(_) => problems.push(
            Problem::at(
                &node.place,
                "`listen` must be a loopback address: the server has no TLS",
            )
            .help("listen on 127.0.0.1:7780 and put a TLS proxy in front"),
        ),
        Err(_) => problems.push(
            Problem::at(&node.place, "`listen` is not an address and a port")
                .help("write it as \"127.0.0.1:7780\""),
        ),
    }
    None
}
