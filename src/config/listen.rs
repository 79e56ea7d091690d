//! `listen`: the address kept for an API and a status page, which are not there yet.

use super::file::{Problem, Table};
use std::net::{Ipv4Addr, SocketAddr};

const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7780);

pub(super) fn listen(config: &Table, problems: &mut Vec<Problem>) -> SocketAddr {
    let Some(node) = config.node("listen") else {
        return DEFAULT;
    };
    let Some(text) = node.text() else {
        return DEFAULT;
    };
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return address,
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
    DEFAULT
}
