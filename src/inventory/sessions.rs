//! Consumers that are seen by their sessions: whether the issuer tells them apart, and whose sessions are whose.

use super::definition::{ConsumerSpec, VerifySpec};
use super::issuer::FoundIssuer;
use super::network::Source;
use super::resolve::Resolver;
use crate::config::file::{Entry, Problem};
use std::collections::BTreeMap;

impl Resolver<'_> {
    /// A session shows a credential only where the issuer knows each session by its credential, and a consumer only
    /// where its sessions are no other consumer's.
    pub(super) fn sessions_tell(
        &mut self,
        issuer: &FoundIssuer,
        consumers: &BTreeMap<String, ConsumerSpec>,
    ) {
        let seen: BTreeMap<&String, Whose<'_>> = consumers
            .iter()
            .filter_map(|(name, consumer)| Some((name, Whose::of(&consumer.verify)?)))
            .collect();
        for (name, whose) in &seen {
            let Some(verify) = self.verify_of(name) else {
                continue;
            };
            let problem = self.empty_words(verify).or_else(|| no_network(verify));
            let problem = problem.or_else(|| {
                let cannot = no_sessions(issuer)
                    .map(|why| format!("consumer `{name}` cannot be seen by its sessions: {why}"));
                let shared = || {
                    let other = seen.iter().find(|(n, w)| n != &name && w.overlaps(whose));
                    other.map(|(other, _)| {
                        format!("sessions of consumer `{name}` may be those of `{other}`")
                    })
                };
                let help = match cannot {
                    Some(_) => "verify it another way, such as by the handshake",
                    None => "tell them apart by `application` or `from`",
                };
                let message = cannot.or_else(shared)?;
                Some(Problem::at(&verify.key, message).help(help))
            });
            self.problem(problem);
        }
    }

    fn verify_of(&self, consumer: &str) -> Option<&Entry> {
        let consumers = self.layered.table.table("consumers")?;
        consumers.table(consumer)?.entry("verify")
    }

    fn empty_words(&self, verify: &Entry) -> Option<Problem> {
        let table = verify.node.table()?;
        ["application", "from"].into_iter().find_map(|key| {
            let node = table.node(key)?;
            let empty = node.text()?.trim().is_empty();
            empty.then(|| Problem::at(&node.place, format!("`{key}` is empty")))
        })
    }
}

/// Whose `from` reads like a network and is none would never be seen.
fn no_network(verify: &Entry) -> Option<Problem> {
    let node = verify.node.table()?.node("from")?;
    let text = node.text()?;
    let message = format!("`from` names no network: `{text}`");
    let help = "write an address, or a network such as `10.0.0.0/8`";
    Source::read(text)
        .is_none()
        .then(|| Problem::at(&node.place, message).help(help))
}

fn no_sessions(issuer: &FoundIssuer) -> Option<String> {
    let kind = issuer.kind?;
    let why = (kind.no_sessions)(&issuer.spec.options)?;
    Some(format!("at an issuer `{}`, {why}", kind.name))
}

/// Which sessions are a consumer's; a missing word stands for any.
struct Whose<'a> {
    application: Option<&'a str>,
    from: Option<Source>,
}

impl<'a> Whose<'a> {
    fn of(verify: &'a VerifySpec) -> Option<Self> {
        match verify {
            VerifySpec::Sessions { application, from } => Some(Self {
                application: application.as_deref(),
                from: from.as_deref().and_then(Source::read),
            }),
            _ => None,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let by_name = self.application.zip(other.application);
        let by_address = self.from.as_ref().zip(other.from.as_ref());
        by_name.is_none_or(|(one, other)| one == other)
            && by_address.is_none_or(|(one, other)| one.overlaps(other))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Files;

    const ROLES: &str = "kind = \"postgres\", address = \"db.svc.example.com:5432\", \
         admin = { user = \"rotator\", password = { file = \"rotator\" } }";

    fn problems(issuer: &str, consumers: &[&str]) -> String {
        let consumers = consumers.iter().enumerate().map(|(at, verify)| {
            format!("consumers.c{at} = {{ notify = {{ none = \"example\" }}, verify = {{ {verify} }} }}\n")
        });
        let team = format!(
            "[secrets.a]\nissuer = {{ {issuer} }}\n\
             publish_to = [{{ store = \"main\", path = \"a\", fields = {{ USER = \"{{user}}\", PASSWORD = \"{{password}}\" }} }}]\n{}",
            consumers.collect::<String>()
        );
        let read = Files::usual()
            .with("inventory/production/team.toml", &team)
            .read();
        let problems = read.err().unwrap_or_default();
        let each = problems.iter().map(ToString::to_string);
        each.collect::<Vec<_>>().join("\n")
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn roles_in_turn_tell_whose_session_is_whose() {
        let roles = format!("{ROLES}, roles = [\"app_a\", \"app_b\"]");
        for consumers in [
            &["sessions = true"][..],
            &[
                "sessions = true, application = \"orders\"",
                "sessions = true, application = \"reports\"",
            ],
            &[
                "sessions = true, application = \"orders\", from = \"10.0.0.5\"",
                "sessions = true, application = \"orders\", from = \"10.0.0.6\"",
            ],
            &[
                "sessions = true, from = \"10.0.0.0/9\"",
                "sessions = true, from = \"10.128.0.0/9\"",
            ],
            &["sessions = true", "exec = \"check-app\""],
        ] {
            assert_eq!(problems(&roles, consumers), "", "{consumers:?}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn what_shows_nothing_is_said_by_the_check() {
        let roles = format!("{ROLES}, roles = [\"app_a\", \"app_b\"]");
        for (consumers, words) in [
            (&["sessions = false"][..], "either `true` or left out"),
            (
                &["sessions = true, application = \" \""],
                "`application` is empty",
            ),
            (
                &["exec = \"check-app\", application = \"orders\""],
                "`application` goes with `sessions` only",
            ),
            (&["sessions = true, exec = \"check-app\""], "exactly one of"),
            (
                &["sessions = true", "sessions = true, from = \"10.0.0.5\""],
                "sessions of consumer `c0` may be those of `c1`",
            ),
            (
                &[
                    "sessions = true, from = \"10.0.0.0/8\"",
                    "sessions = true, from = \"10.1.0.0/16\"",
                ],
                "sessions of consumer `c0` may be those of `c1`",
            ),
            (
                &[
                    "sessions = true, from = \"10.0.0.5\"",
                    "sessions = true, from = \"::ffff:10.0.0.5\"",
                ],
                "sessions of consumer `c0` may be those of `c1`",
            ),
            (
                &["sessions = true, from = \"10.0.0.0/40\""],
                "`from` names no network: `10.0.0.0/40`",
            ),
        ] {
            let said = problems(&roles, consumers);
            assert!(said.contains(words), "{consumers:?}: {said}");
        }
        let one = format!("{ROLES}, role = \"app_a\"");
        let said = problems(&one, &["sessions = true"]);
        assert!(said.contains("give it two roles"), "{said}");
    }

    #[cfg(all(feature = "mysql", feature = "redis"))]
    #[test]
    fn two_passwords_of_one_user_do_not() {
        for kind in ["mysql", "redis"] {
            let issuer = format!(
                "kind = \"{kind}\", address = \"db.svc.example.com\", user = \"app\", \
                 admin = {{ user = \"rotator\", password = {{ file = \"rotator\" }} }}"
            );
            let said = problems(&issuer, &["sessions = true"]);
            assert!(said.contains("two passwords"), "{kind}: {said}");
        }
        let users = "kind = \"mysql\", address = \"db.svc.example.com\", users = [\"app_a\", \"app_b\"], \
             admin = { user = \"rotator\", password = { file = \"rotator\" } }";
        assert_eq!(problems(users, &["sessions = true"]), "");
        let said = problems("kind = \"random\"", &["sessions = true"]);
        assert!(said.contains("knows of no sessions"), "{said}");
    }
}
