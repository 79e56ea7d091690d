//! Keywheel asks a service with a credential of that service: it does not saw off its own branch.

use keywheel_contract::{
    ChosenBy, Credential, CredentialId, Error, ErrorKind, Fields, Issuer as _, Result,
};
use keywheel_provider_http::HttpIssuer;
use keywheel_provider_http::contract::Played;
use keywheel_provider_http::pack::Pack;
use keywheel_provider_http::shipped;
use keywheel_test_servers::serve::{Served, serve};

/// The packs whose own credential could be of the kind that they rotate. A deploy key is a key for SSH, and what asks for
/// it is none; of the others nothing is known there but the credential itself.
const COULD: [&str; 11] = [
    "anthropic",
    "auth0",
    "cloudflare",
    "datadog",
    "gitlab",
    "mailgun",
    "okta",
    "openai",
    "sendgrid",
    "stripe-webhook",
    "twilio",
];

struct Rig {
    played: Played,
    issuer: HttpIssuer,
    _served: Served,
}

impl Rig {
    async fn of(pack: &Pack) -> Self {
        let played = Played::new(pack);
        let served = serve(played.router(), None).await;
        let issuer = played.issuer(&served.address).unwrap();
        Self {
            played,
            issuer,
            _served: served,
        }
    }
}

/// The same service, where a person made just the credential that keywheel asks with.
fn with_ours_in_use(name: &str) -> Pack {
    let mut pack = shipped::pack(name).unwrap().clone();
    let ours = pack.contract.credentials.clone();
    let fixed = |text: &str| text.to_owned().try_into().unwrap();
    let last = ours.values().next_back().unwrap();
    for (field, known) in &pack.fields {
        let text = match known.public {
            true => ours.values().next().unwrap(),
            false => last,
        };
        pack.contract.key.fields.insert(field.clone(), fixed(text));
    }
    // Two keys: the one that could be rotated is the one of that kind.
    if name == "datadog" {
        let ours = fixed(&ours["api_key"]);
        pack.contract.key.fields.insert("value".to_owned(), ours);
    }
    if name == "twilio" {
        pack.contract.key.id = fixed(&ours["main_sid"]);
    }
    pack
}

fn is_said<T>(name: &str, what: &str, answer: Result<T>) {
    let Error { kind, message } = answer.err().unwrap_or_else(|| panic!("{name}: {what}"));
    assert_eq!(kind, ErrorKind::Invalid, "{name}: {what}: {message}");
    assert!(
        message.contains("keywheel itself asks with this credential (`credentials."),
        "{name}: {what}: {message}"
    );
}

/// A value that fits the format, as the service makes them.
async fn another(name: &str) -> Fields {
    Rig::of(shipped::pack(name).unwrap())
        .await
        .played
        .by_hand()
        .0
}

#[tokio::test]
async fn no_pack_rotates_what_keywheel_asks_with() {
    for name in COULD {
        let rig = Rig::of(&with_ours_in_use(name)).await;
        let (fields, id) = rig.played.by_hand();
        let (issuer, can, before) = (&rig.issuer, rig.issuer.capabilities(), rig.played.count());
        // Before anything is published.
        let new = another(name).await;
        let checked = issuer.check_format(&new, Some(&fields)).await;
        is_said(name, "check_format", checked);
        if can.identifies {
            is_said(name, "identify", issuer.identify(&fields).await);
        }
        let ours = Credential {
            id: CredentialId::new(id),
            fields,
        };
        if can.revokes {
            is_said(name, "revoke", issuer.revoke_shown(&ours).await);
        }
        assert_eq!(rig.played.count(), before, "{name}: something was changed");
    }
}

/// Where a program can say how a value is called there, the name is enough: at the end of a rotation often nothing else
/// is known.
#[tokio::test]
async fn the_name_of_it_is_enough_where_the_service_tells_names() {
    let mut told = Vec::new();
    for name in COULD {
        let rig = Rig::of(&with_ours_in_use(name)).await;
        let (can, (fields, id)) = (rig.issuer.capabilities(), rig.played.by_hand());
        if !can.identifies {
            continue;
        }
        let cut = shipped::pack(name).unwrap().identify.as_ref().unwrap();
        let id = match cut.cut {
            // Our own credential, under the name that another issuer of this service gives it.
            Some(_) => name_elsewhere(name, &fields).await,
            None => CredentialId::new(id),
        };
        if can.revokes {
            is_said(name, "revoke", rig.issuer.revoke(&id).await);
        }
        if can.reversible {
            is_said(name, "disable", rig.issuer.disable(&id).await);
        }
        if can.chosen_by == ChosenBy::Keywheel {
            is_said(name, "propose", rig.issuer.propose(Some(&id)).await);
        }
        told.push(name);
    }
    assert_eq!(
        told,
        [
            "anthropic",
            "auth0",
            "cloudflare",
            "datadog",
            "gitlab",
            "okta",
            "twilio"
        ]
    );
}

async fn name_elsewhere(name: &str, fields: &Fields) -> CredentialId {
    let mut pack = shipped::pack(name).unwrap().clone();
    let known_by = pack.contract.credentials.values_mut();
    known_by.for_each(|text| "example-of-another".clone_into(text));
    let rig = Rig::of(&pack).await;
    rig.issuer.identify(fields).await.unwrap().unwrap()
}
