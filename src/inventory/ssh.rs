//! The issuer `ssh-key`, as the inventory writes it.

use super::kinds::{HOST, objection};
use crate::config::file::{Key, Kind, Shape};
use keywheel_provider_ssh::SshKeyOptions;

/// SSH keys of an account on this host.
pub(crate) const KIND: Kind = Kind {
    name: "ssh-key",
    keys: &[
        Key::needed(
            "authorized_keys",
            Shape::Text,
            "the account's file of keys, on this host",
        ),
        Key::needed(
            "server",
            Shape::Text,
            "host:port of the SSH server at which a key is tried; port 22 where left out",
        ),
        Key::needed("user", Shape::Text, "the account"),
        Key::needed(
            "host_keys",
            Shape::List(&Shape::Plain),
            "the server's host keys, each as in its .pub file",
        ),
        Key::new(
            "line_options",
            Shape::Plain,
            "what a new line begins with, such as restrict,command=\"…\"",
        ),
        HOST,
    ],
    fields: &["private_key", "public_key"],
    public_fields: &["public_key"],
    addresses: &["server"],
    try_out: |options| {
        let mut options = options.clone();
        options.remove(HOST.name);
        objection(&options, |read: SshKeyOptions| read.check())
    },
    ..Kind::PLAIN
};

#[cfg(test)]
mod tests {
    use super::super::testing::problems_of_issuer;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn problems(server: &str, more: &str) -> String {
        let issuer = format!(
            "kind = \"ssh-key\"\nauthorized_keys = \"/srv/git/.ssh/authorized_keys\"\n\
             server = \"{server}\"\nuser = \"git\"\n{more}"
        );
        problems_of_issuer(&issuer, "private_key")
    }

    #[test]
    fn a_server_that_is_listed_or_of_this_machine_is_understood() {
        let more = format!("host_keys = [\"{KEY} root@git\"]\nhost = \"git-1\"");
        for server in ["git.svc.example.com:2222", "127.0.0.1", "localhost:22"] {
            assert_eq!(problems(server, &more), "", "{server}");
        }
        let options = format!("{more}\nline_options = 'restrict,command=\"/usr/bin/true\"'");
        assert_eq!(problems("localhost", &options), "");
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let pinned = format!("host_keys = [\"{KEY}\"]");
        let listed = "git.svc.example.com";
        for (server, more, words) in [
            (
                "elsewhere.example.com",
                pinned.clone(),
                "is not allowed for `production`",
            ),
            ("169.254.169.254", pinned.clone(), "never called"),
            ("ssh://git.svc.example.com", pinned.clone(), "has a scheme"),
            (listed, String::new(), "`host_keys`"),
            (listed, "host_keys = []".to_owned(), "`host_keys` is empty"),
            (
                listed,
                "host_keys = [\"git.svc.example.com ssh-ed25519 AAAA\"]".to_owned(),
                "no public key",
            ),
            (
                listed,
                format!("{pinned}\nline_options = \"restrict no-pty\""),
                "with commas",
            ),
        ] {
            let said = problems(server, &more);
            assert!(said.contains(words), "{server} {more}: {said}");
        }
    }
}
