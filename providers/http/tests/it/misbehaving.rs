//! What services do wrong, and what packs make of it.

use chrono::{NaiveDate, Utc};
use keywheel_contract::{
    Credential, CredentialId, CredentialState, ErrorKind, Fields, Issuer as _, Liveness,
    SecretValue, Tag, Verdict,
};
use keywheel_provider_http::HttpIssuer;
use keywheel_provider_http::contract::{Nasty, Played};
use keywheel_provider_http::pack::Pack;
use keywheel_provider_http::shipped;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::serve::{Served, serve};
use serde_json::json;
use std::time::Duration;

struct Rig {
    played: Played,
    served: Served,
    issuer: HttpIssuer,
}

async fn rig(pack: &Pack) -> Rig {
    let played = Played::new(pack);
    let served = serve(played.router(), None).await;
    let issuer = played.issuer(&served.address).unwrap();
    Rig {
        played,
        served,
        issuer,
    }
}

async fn of(name: &str) -> Rig {
    rig(shipped::pack(name).unwrap()).await
}

fn tag(number: u32) -> Tag {
    Tag::new(format!("keywheel-example-{number}"))
}

/// The word of a failed mint.
async fn minted(rig: &Rig) -> String {
    match rig.issuer.mint(&tag(1)).await {
        Ok(_) => "made".to_owned(),
        Err(error) => error.word().to_owned(),
    }
}

#[tokio::test]
async fn each_refusal_has_its_meaning_at_every_call() {
    let rig = of("openai").await;
    let made = rig.issuer.mint(&tag(0)).await.unwrap();
    for (status, mints, tests) in [
        // A refused key that its service shows as active may be a young one.
        (401, "denied", Liveness::Unknown),
        // With `Retry-After` it is a limit of calls.
        (403, "throttled", Liveness::Alive),
        (404, "not_found", Liveness::Unknown),
        (429, "throttled", Liveness::Unknown),
        (500, "unknown_outcome", Liveness::Unknown),
        (302, "unavailable", Liveness::Unknown),
    ] {
        rig.served
            .faults
            .next(1, Fault::Refuse(status, Some(7)), |asked| asked.writes());
        assert_eq!(minted(&rig).await, mints, "{status}");
        assert_eq!(told_by(&rig, status, &made).await, tests, "{status}");
    }
    rig.served
        .faults
        .next(1, Fault::Refuse(429, Some(7)), |_| true);
    let throttled = rig.issuer.find(&tag(0)).await.unwrap_err();
    let after = Some(Duration::from_secs(7));
    assert_eq!(throttled.kind, ErrorKind::Throttled { after });
    // Of one that its service says to be gone only the refusal of the key itself is the end.
    rig.issuer.revoke_shown(&made).await.unwrap();
    for (status, tests) in [
        (401, Liveness::Dead),
        (404, Liveness::Unknown),
        (429, Liveness::Unknown),
        (500, Liveness::Unknown),
        (302, Liveness::Unknown),
    ] {
        assert_eq!(told_by(&rig, status, &made).await, tests, "{status}");
    }
}

/// What a test says whose call is answered so.
async fn told_by(rig: &Rig, status: u16, made: &Credential) -> Liveness {
    let asks = |asked: &Asked<'_>| asked.path() == "/v1/models";
    let refused = Fault::Refuse(status, Some(7));
    rig.served.faults.next(1, refused, asks);
    rig.issuer.test(made).await.unwrap()
}

#[tokio::test]
async fn a_service_that_is_away_is_unavailable_and_never_dead() {
    let rig = of("sendgrid").await;
    let made = rig.issuer.mint(&tag(0)).await.unwrap();
    rig.served.faults.next(3, Fault::Reset, |_| true);
    assert_eq!(rig.issuer.test(&made).await.unwrap(), Liveness::Unknown);
    assert_eq!(
        rig.issuer.state(&made.id).await.unwrap_err().kind,
        ErrorKind::Unavailable
    );
    assert_eq!(minted(&rig).await, "unknown_outcome");
    rig.served
        .faults
        .next(1, Fault::CutBody, |asked| asked.writes());
    assert_eq!(minted(&rig).await, "unknown_outcome");
    assert_eq!(rig.issuer.find(&tag(1)).await.unwrap().len(), 1);
}

/// One part of a service shows a new key, another does not know it yet: that is no end of it.
#[tokio::test]
async fn a_young_key_that_an_end_misses_is_not_taken_for_ended() {
    let rig = of("sendgrid").await;
    let made = rig.issuer.mint(&tag(0)).await.unwrap();
    let restarted = rig.played.issuer(&rig.served.address).unwrap();
    for issuer in [&rig.issuer, &restarted] {
        let ends = |asked: &Asked<'_>| asked.writes();
        rig.served.faults.next(1, Fault::Refuse(404, None), ends);
        let missed = issuer.revoke_shown(&made).await.unwrap_err();
        assert_eq!(missed.kind, ErrorKind::Unavailable, "{missed}");
        assert_eq!(rig.played.count(), (1, 1));
    }
    // Its end is seen, though the answer to it is lost.
    let another = rig.played.issuer(&rig.served.address).unwrap();
    let ends = |asked: &Asked<'_>| asked.writes();
    rig.served.faults.next(1, Fault::LoseReply, ends);
    let lost = another.revoke_shown(&made).await.unwrap_err();
    assert_eq!(lost.kind, ErrorKind::UnknownOutcome, "{lost}");
    let state = another.state(&made.id).await.unwrap();
    assert_eq!(state, CredentialState::Absent);
    assert_eq!(rig.played.count(), (1, 0));
}

/// Whoever ran before may have made it just before it stopped.
#[tokio::test]
async fn what_is_hidden_right_after_a_start_is_neither_dead_nor_absent() {
    let rig = of("sendgrid").await;
    rig.played.misbehave(Nasty {
        hides: true,
        young: 1,
        ..Nasty::default()
    });
    let made = rig.issuer.mint(&tag(0)).await.unwrap();
    let restarted = rig.played.issuer(&rig.served.address).unwrap();
    assert_eq!(restarted.test(&made).await.unwrap(), Liveness::Unknown);
    for said in [
        restarted.state(&made.id).await.map(drop),
        restarted.revoke_shown(&made).await,
    ] {
        let said = said.unwrap_err();
        assert_eq!(said.kind, ErrorKind::Unavailable, "{said}");
    }
    // That it is not found by its tag is no proof for so long, whoever looks.
    assert!(restarted.find(&tag(0)).await.unwrap().is_empty());
    assert_eq!(restarted.capabilities().lists_after.as_secs(), 60);
    let settled = rig.played.issuer(&rig.served.address).unwrap();
    let settled = settled.converging_in(Duration::ZERO);
    let state = settled.state(&made.id).await.unwrap();
    assert_eq!(state, CredentialState::Absent);
}

/// Names that were plain SHA-256 once: nothing is found by them, and that is no end.
#[tokio::test]
async fn a_name_of_an_older_kind_is_told() {
    let rig = of("okta").await;
    let (fields, _) = rig.played.by_hand();
    let id = CredentialId::new("sha256:example");
    let old = Credential {
        id: id.clone(),
        fields,
    };
    for said in [
        rig.issuer.state(&id).await.map(drop),
        rig.issuer.disable(&id).await,
        rig.issuer.enable(&old).await,
        rig.issuer.revoke(&id).await,
        rig.issuer.revoke_shown(&old).await,
    ] {
        let said = said.unwrap_err();
        assert_eq!(said.kind, ErrorKind::Invalid, "{said}");
        assert!(said.message.contains("of an older kind"), "{said}");
    }
    assert_eq!(rig.played.count(), (1, 1));
}

#[tokio::test]
async fn cloudflare_says_no_with_status_200() {
    let mut pack = shipped::pack("cloudflare").unwrap().clone();
    let body = json!({ "success": false, "errors": [{ "code": 9999, "message": "example" }], "result": null });
    pack.contract.refused = (200, body);
    pack.contract.auth.remove("admin");
    let rig = rig(&pack).await;
    assert_eq!(minted(&rig).await, "invalid");
    let (fields, id) = rig.played.by_hand();
    let credential = Credential {
        id: CredentialId::new(id),
        fields,
    };
    assert_eq!(rig.issuer.test(&credential).await.unwrap(), Liveness::Alive);
    let other = Fields::single(SecretValue::from("example".to_owned()));
    let stranger = Credential {
        id: credential.id.clone(),
        fields: other,
    };
    assert_eq!(rig.issuer.test(&stranger).await.unwrap(), Liveness::Unknown);
}

#[tokio::test]
async fn slack_says_no_with_status_200_and_only_some_words_mean_dead() {
    for (error, expected) in [
        ("invalid_auth", Liveness::Dead),
        ("token_revoked", Liveness::Dead),
        ("ratelimited", Liveness::Unknown),
        ("internal_error", Liveness::Unknown),
    ] {
        let mut pack = shipped::pack("slack").unwrap().clone();
        pack.contract.refused = (200, json!({ "ok": false, "error": error }));
        let rig = rig(&pack).await;
        let (_, id) = rig.played.by_hand();
        let other = Fields::single(SecretValue::from("example".to_owned()));
        let stranger = Credential {
            id: CredentialId::new(id),
            fields: other,
        };
        assert_eq!(
            rig.issuer.test(&stranger).await.unwrap(),
            expected,
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_strangers_secret_in_the_second_slot_is_said_and_kept() {
    let rig = of("okta").await;
    rig.played.by_hand();
    let (stranger, _) = rig.played.by_hand();
    let proposed = rig.issuer.propose(None).await.unwrap();
    let refused = rig.issuer.apply(&tag(0), &proposed).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert!(
        refused.message.contains("no room for another credential"),
        "{refused}"
    );
    let value = stranger
        .field("value")
        .unwrap()
        .expose_secret_str()
        .unwrap();
    assert!(rig.played.honours(value));
    assert_eq!(rig.played.count(), (2, 2));
}

#[tokio::test]
async fn what_is_used_is_told_with_its_hour() {
    let rig = of("anthropic").await;
    let (fields, _) = rig.played.by_hand();
    let (other, _) = rig.played.by_hand();
    let id = rig.issuer.identify(&fields).await.unwrap().unwrap();
    let never = rig.issuer.last_used(&id).await.unwrap();
    assert_eq!(
        (never.at_ms, never.granularity),
        (None, Duration::from_secs(3600))
    );
    let theirs = Credential {
        id: id.clone(),
        fields: other,
    };
    assert_eq!(rig.issuer.test(&theirs).await.unwrap(), Liveness::Alive);
    assert_eq!(rig.issuer.last_used(&id).await.unwrap().at_ms, None);
    let credential = Credential {
        id: id.clone(),
        fields,
    };
    assert_eq!(rig.issuer.test(&credential).await.unwrap(), Liveness::Alive);
    let used = rig.issuer.last_used(&id).await.unwrap();
    assert!(
        used.at_ms.unwrap() > used.as_of_ms,
        "the use was just now, and the figure is older: {used:?}"
    );
    let asked = rig.played.exchanges();
    let query = &asked.last().unwrap().path;
    let since = query.split_once("starting_at=").unwrap().1;
    let day: NaiveDate = since[..10].parse().unwrap();
    let quiet = Utc::now().date_naive() - day;
    assert!(quiet.num_days() >= 90, "a use before {day} is not seen");
    assert!(
        query.contains("api_key_ids%5B%5D=apikey_example1") && query.contains("bucket_width=1h"),
        "{query}"
    );
}

/// Okta has one number for all that it finds wrong with what is asked.
#[tokio::test]
async fn only_a_refused_new_secret_means_that_there_is_no_room() {
    let mut pack = shipped::pack("okta").unwrap().clone();
    // An active secret cannot be deleted.
    pack.revoke.remove(0);
    let rig = rig(&pack).await;
    let proposed = rig.issuer.propose(None).await.unwrap();
    rig.issuer.apply(&tag(0), &proposed).await.unwrap();
    let refused = rig.issuer.revoke_shown(&proposed).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert!(!refused.message.contains("room"), "{refused}");
}

/// A token can end before its time: it is thrown away, and the next call has one of its own.
#[tokio::test]
async fn a_token_that_is_refused_is_not_used_again() {
    let rig = of("auth0").await;
    let apply = async || {
        let proposed = rig.issuer.propose(None).await.unwrap();
        rig.issuer.apply(&tag(0), &proposed).await
    };
    apply().await.unwrap();
    rig.played.forget_tokens();
    assert_eq!(apply().await.unwrap_err().word(), "denied");
    apply().await.unwrap();
    let logins = rig.played.exchanges();
    let logins = logins.iter().filter(|one| one.path == "/oauth/token");
    assert_eq!(logins.count(), 2);
}

/// Nobody's words but ours: a service could repeat a value in its answer.
#[tokio::test]
async fn what_a_service_says_is_in_no_error() {
    for name in shipped::names() {
        let mut pack = shipped::pack(name).unwrap().clone();
        let canary = "example-canary-of-an-answer";
        pack.contract.refused = (400, json!({ "error": canary, "message": canary }));
        pack.contract
            .auth
            .values_mut()
            .for_each(|gate| gate.basic = Some("nobody:x".to_owned().try_into().unwrap()));
        let rig = rig(&pack).await;
        let (fields, id) = rig.played.by_hand();
        let id = CredentialId::new(id);
        let credential = Credential {
            id: id.clone(),
            fields,
        };
        let said = [
            rig.issuer.mint(&tag(0)).await.err(),
            rig.issuer.apply(&tag(0), &credential).await.err(),
            rig.issuer.find(&tag(0)).await.err(),
            rig.issuer.state(&id).await.err(),
            rig.issuer.revoke(&id).await.err(),
            rig.issuer.test(&credential).await.err(),
            rig.issuer.identify(&credential.fields).await.err(),
            rig.issuer.last_used(&id).await.err(),
        ];
        for error in said.iter().flatten() {
            assert!(!format!("{error:?}").contains(canary), "{name}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_service_with_no_room_says_so_and_nothing_was_made() {
    let rig = of("sendgrid").await;
    rig.played.misbehave(Nasty {
        full: true,
        ..Nasty::default()
    });
    let error = rig.issuer.mint(&tag(0)).await.err().unwrap();
    assert!(error.message.contains("no room"), "{error}");
    assert_eq!(rig.played.count(), (0, 0));
}

#[tokio::test]
async fn a_look_goes_on_after_what_is_about_one_credential_alone() {
    let rig = of("gitlab").await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(rig.issuer.mint(&tag(number)).await.unwrap().id);
    }
    for (status, told) in [(400, 3), (409, 3), (403, 0), (500, 0)] {
        let first = format!("/{}", ids[0]);
        let of_first = move |asked: &Asked<'_>| asked.path().ends_with(&first);
        let refused = Fault::Refuse(status, None);
        rig.served.faults.next(1, refused, of_first);
        let seen = rig.issuer.examine(&ids).await.findings;
        let of_one = seen.iter().filter(|one| one.about.starts_with("in use: "));
        let of_one: Vec<Verdict> = of_one.map(|one| one.verdict).collect();
        let all = [Verdict::Missing, Verdict::Good, Verdict::Good];
        assert_eq!(of_one, all[..told], "{status}: {seen:#?}");
        let missing = seen.iter().filter(|one| one.verdict == Verdict::Missing);
        assert_eq!(missing.count(), 1, "{status}: {seen:#?}");
    }
}
