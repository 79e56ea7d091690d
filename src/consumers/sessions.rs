//! Sees a consumer through its sessions at the issuer: whoever is logged in with a credential holds it.
//!
//! Where the issuer tells credentials apart by session, a login is possession shown to the very system that honours
//! the value. Who logged in is told by address and by the name that the client gives itself.

use crate::inventory::Source;
use keywheel_contract::{
    CredentialId, Error, Held, Holding, Issuer, Observation, Question, Result, Session, Strength,
};
use std::{collections::BTreeMap, sync::Arc};

/// The sessions of one consumer.
pub(super) struct Sessions {
    issuer: Arc<dyn Issuer>,
    whose: Whose,
}

/// Which sessions are meant; a missing word stands for any.
struct Whose {
    application: Option<String>,
    from: Option<Source>,
}

impl Sessions {
    /// Those with that application name, from that address or network.
    ///
    /// # Errors
    /// [`Invalid`](keywheel_contract::ErrorKind::Invalid): the issuer does not tell credentials apart by session, or
    /// there is no such network.
    pub(super) fn new(
        issuer: Option<&Arc<dyn Issuer>>,
        application: Option<&str>,
        from: Option<&str>,
    ) -> Result<Self> {
        let issuer = issuer.filter(|issuer| issuer.capabilities().sessions);
        let issuer = issuer.ok_or_else(|| {
            Error::invalid(
                "the issuer does not tell with which credential somebody is logged in, so that sessions show nothing: \
                 verify the consumer another way",
            )
        })?;
        Ok(Self {
            issuer: Arc::clone(issuer),
            whose: Whose {
                application: application.map(str::to_owned),
                from: from.map(source).transpose()?,
            },
        })
    }

    /// Whether the issuer exists on one machine only.
    pub(super) fn host_bound(&self) -> bool {
        self.issuer.capabilities().host_bound
    }

    /// One observation for each origin and credential that a session of the consumer was seen with; none where it is
    /// not connected.
    ///
    /// # Errors
    /// What the issuer answers, and [`Unavailable`](keywheel_contract::ErrorKind::Unavailable) where it is not known
    /// what the issuer calls a credential in question.
    pub(super) async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        let mut open = Vec::with_capacity(question.held.len());
        for held in question.held {
            open.push(self.issuer.sessions(named(held)?).await?);
        }
        Ok(self.whose.seen(question, &open))
    }
}

fn source(from: &str) -> Result<Source> {
    Source::read(from).ok_or_else(|| Error::invalid(format!("`from` names no network: `{from}`")))
}

fn named<'a>(held: &Held<'a>) -> Result<&'a CredentialId> {
    held.issuer_ref.ok_or_else(|| {
        Error::unavailable("it is not known what the issuer calls a credential in question")
    })
}

impl Whose {
    /// `open` has the sessions of each credential in question. An origin on several credentials is seen once on
    /// each: it holds the newest, and its earlier sessions still hold the others.
    fn seen(&self, question: &Question<'_>, open: &[Vec<Session>]) -> Vec<Observation> {
        let most = usize::try_from(question.instances.max(1)).unwrap_or(usize::MAX);
        let mut seen: BTreeMap<String, Observation> = BTreeMap::new();
        for (held, sessions) in question.held.iter().zip(open) {
            for (origin, count) in self.origins(sessions).into_iter().take(most) {
                let instance = match seen.contains_key(&origin) {
                    true => format!("{origin}, earlier sessions"),
                    false => origin,
                };
                let one = observation(&instance, held, count);
                seen.insert(instance, one);
            }
        }
        seen.into_values().collect()
    }

    /// How many sessions of the consumer each origin has.
    fn origins(&self, sessions: &[Session]) -> BTreeMap<String, usize> {
        let mut origins = BTreeMap::new();
        for session in sessions.iter().filter(|session| self.includes(session)) {
            *origins.entry(session.from.clone()).or_default() += 1;
        }
        origins
    }

    /// Our own tests of a credential are nobody's.
    fn includes(&self, session: &Session) -> bool {
        let application = session.application.as_deref();
        let by_name = self.application.is_none() || self.application.as_deref() == application;
        let by_address = self.from.as_ref().is_none_or(|wanted| {
            let address = session.address.as_deref();
            address.is_some_and(|address| wanted.has(address))
        });
        application != Some(Session::OURS) && by_name && by_address
    }
}

fn observation(instance: &str, held: &Held<'_>, count: usize) -> Observation {
    let sessions = if count == 1 { "session" } else { "sessions" };
    Observation {
        instance: instance.to_owned(),
        holding: Holding::Credential(held.credential.clone()),
        strength: Strength::Proven,
        started_at_ms: None,
        seen_at_ms: None,
        detail: format!("its issuer sees it logged in by {count} {sessions}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, Whose};
    use keywheel_contract::{CredentialId, Held, Holding, Question, SecretValue, Session};

    fn session(address: Option<&str>, application: Option<&str>) -> Session {
        Session {
            id: "1".to_owned(),
            from: format!(
                "{} ({})",
                address.unwrap_or("socket"),
                application.unwrap_or("no name")
            ),
            address: address.map(str::to_owned),
            application: application.map(str::to_owned),
        }
    }

    /// Instance and credential of everything that is seen of such a consumer.
    fn seen(
        application: Option<&str>,
        from: Option<&str>,
        new: &[Session],
        old: &[Session],
    ) -> Vec<(String, String)> {
        let whose = Whose {
            application: application.map(str::to_owned),
            from: from.map(|from| Source::read(from).unwrap()),
        };
        let names = ["new", "old"].map(CredentialId::new);
        let value = SecretValue::from("example".to_owned());
        let held = names.each_ref().map(|credential| Held {
            credential,
            issuer_ref: None,
            version: None,
            value: &value,
            strong: true,
        });
        let question = Question {
            id: &"production/db".parse().unwrap(),
            consumer: "orders",
            destination: "main:db",
            held: &held,
            published_at_ms: 0,
            instances: 2,
        };
        let all = whose.seen(&question, &[new.to_vec(), old.to_vec()]);
        let pair = |one: keywheel_contract::Observation| match one.holding {
            Holding::Credential(id) => (one.instance, id.as_str().to_owned()),
            other => panic!("{other:?}"),
        };
        all.into_iter().map(pair).collect()
    }

    fn pair(instance: &str, credential: &str) -> (String, String) {
        (instance.to_owned(), credential.to_owned())
    }

    #[test]
    fn only_its_own_sessions_are_a_consumers() {
        let open = [
            session(Some("10.0.0.5"), Some("orders")),
            session(Some("10.0.0.5"), Some("reports")),
            session(Some("10.0.0.6"), Some("orders")),
            session(Some("10.0.0.5"), Some("keywheel")),
            session(None, None),
        ];
        let five = pair("10.0.0.5 (orders)", "new");
        let six = pair("10.0.0.6 (orders)", "new");
        assert_eq!(seen(Some("orders"), None, &open, &[]), [five.clone(), six]);
        let only = seen(Some("orders"), Some("::ffff:10.0.0.5"), &open, &[]);
        assert_eq!(only, std::slice::from_ref(&five));
        let around = seen(Some("orders"), Some("10.0.0.4/31"), &open, &[]);
        assert_eq!(around, std::slice::from_ref(&five));
        let here = seen(None, Some("10.0.0.5"), &open, &[]);
        assert_eq!(here, [five, pair("10.0.0.5 (reports)", "new")]);
        assert!(seen(Some("orders "), None, &open, &[]).is_empty());
        assert!(seen(None, None, &open[3..4], &[]).is_empty());
    }

    #[test]
    fn who_is_on_both_is_seen_on_both() {
        let one = [session(Some("10.0.0.5"), Some("orders"))];
        assert_eq!(
            seen(Some("orders"), None, &one, &one),
            [
                pair("10.0.0.5 (orders)", "new"),
                pair("10.0.0.5 (orders), earlier sessions", "old")
            ]
        );
        let moved = seen(Some("orders"), None, &[], &one);
        assert_eq!(moved, [pair("10.0.0.5 (orders)", "old")]);
    }
}
