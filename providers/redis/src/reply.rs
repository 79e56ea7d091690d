//! An entry of `ACL LOG`, read (pure).

use redis::Value;
use std::collections::HashMap;

/// One client, as `client-info` describes it: `id=3 addr=127.0.0.1:1 name= …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its end of the connection.
    pub(crate) address: String,
    /// What it calls itself.
    pub(crate) name: String,
}

impl Client {
    pub(crate) fn read(line: &str) -> Option<Self> {
        let pairs: HashMap<&str, &str> = line
            .split_ascii_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let text = |key: &str| pairs.get(key).map(|text| (*text).to_owned());
        Some(Self {
            address: text("addr")?,
            name: text("name").unwrap_or_default(),
        })
    }

    /// From where, and under which name.
    pub(crate) fn described(&self) -> String {
        match self.name.as_str() {
            "" => self.address.clone(),
            name => format!("{} ({name})", self.address),
        }
    }
}

/// A refused login of `ACL LOG`. Those of one user within a minute are one entry, with the client of the last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RefusedLogin {
    pub(crate) user: String,
    pub(crate) seconds_ago: f64,
    pub(crate) client: Client,
}

impl RefusedLogin {
    /// `None` for other kinds of refusals.
    pub(crate) fn read(entry: &HashMap<String, Value>) -> Option<Self> {
        let text =
            |key: &str| -> Option<String> { redis::from_redis_value_ref(entry.get(key)?).ok() };
        (text("reason")? == "auth").then_some(())?;
        Some(Self {
            user: text("username")?,
            seconds_ago: text("age-seconds")?.parse().ok()?,
            client: Client::read(&text("client-info")?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, RefusedLogin};
    use redis::Value;
    use std::collections::HashMap;

    /// As Redis 7.0.15 writes them.
    const LINE: &str = "id=7 addr=127.0.0.1:32826 laddr=127.0.0.1:17771 fd=7 name=worker age=0 idle=0 flags=N db=0 \
                        sub=0 multi=-1 cmd=auth user=default redir=-1 resp=2";

    fn entry(reason: &str) -> HashMap<String, Value> {
        let pairs = [
            ("reason", reason),
            ("username", "app"),
            ("age-seconds", "0.017999999999999999"),
            ("client-info", LINE),
        ];
        let value = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        pairs
            .map(|(key, text)| (key.to_owned(), value(text)))
            .into()
    }

    #[test]
    fn a_client_is_read_and_described() {
        let client = Client::read(LINE).unwrap();
        assert_eq!(client.described(), "127.0.0.1:32826 (worker)");
        let nameless = Client::read(&LINE.replace("worker", "")).unwrap();
        assert_eq!(nameless.described(), "127.0.0.1:32826");
        assert_eq!(Client::read(""), None);
    }

    #[test]
    fn only_refused_logins_are_read() {
        let read = RefusedLogin::read(&entry("auth")).unwrap();
        assert_eq!(
            (read.user.as_str(), read.client.name.as_str()),
            ("app", "worker")
        );
        assert!(read.seconds_ago < 0.1);
        assert_eq!(RefusedLogin::read(&entry("command")), None);
    }
}
