//! The life of a key, as a signer and a verifier of other people see it.

use crate::rig::{Rig, text};
use keywheel_contract::{Credential, CredentialState, Issuer as _, Liveness};
use keywheel_test_servers::jwks::PyJwt;

fn token(pyjwt: &mut PyJwt, key: &Credential, algorithm: &str) -> String {
    let (private, kid) = (text(key, "private_key"), text(key, "kid"));
    pyjwt.sign(private, kid, algorithm, 300).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_old_and_new_are_taken_until_the_old_key_goes() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let rig = Rig::new(algorithm).await;
        let Some(mut pyjwt) = PyJwt::start(&rig.url, 0.5) else {
            return;
        };
        let (old, new) = (rig.renewed().await, rig.renewed().await);
        rig.in_force().await;
        let tokens = [&old, &new].map(|key| token(&mut pyjwt, key, algorithm));
        let [of_old, of_new] = &tokens;
        assert!(tokens.iter().all(|token| pyjwt.verify(token).is_ok()));
        rig.issuer.disable(&old.id).await.unwrap();
        let error = rig.issuer.test(&old).await.unwrap_err();
        assert_eq!(
            error.word(),
            "throttled",
            "verifiers still hold the old set"
        );
        rig.in_force().await;
        assert_eq!(rig.issuer.test(&old).await, Ok(Liveness::Dead));
        assert_eq!(pyjwt.verify(of_old), Err("no such key".to_owned()));
        assert!(pyjwt.verify(of_new).is_ok());
        rig.issuer.enable(&old).await.unwrap();
        rig.in_force().await;
        assert!(tokens.iter().all(|token| pyjwt.verify(token).is_ok()));
        rig.issuer.revoke(&old.id).await.unwrap();
        rig.in_force().await;
        assert!(pyjwt.verify(of_old).is_err() && pyjwt.verify(of_new).is_ok());
        assert_eq!(rig.issuer.state(&old.id).await, Ok(CredentialState::Absent));
        assert!(!rig.set().contains("keywheel"), "{}", rig.set());
    }
}

#[tokio::test]
async fn a_new_key_is_not_called_alive_before_every_verifier_has_it() {
    let rig = Rig::new("ES256").await;
    let new = rig.renewed().await;
    let error = rig.issuer.test(&new).await.unwrap_err();
    assert_eq!(error.word(), "throttled");
    assert!(
        error.message.contains("the last verifier sees it in 1 s"),
        "{error}"
    );
    rig.in_force().await;
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn a_set_that_was_copied_with_its_old_time_is_as_new_as_the_copy() {
    let rig = Rig::new("ES256").await;
    let new = rig.renewed().await;
    rig.in_force().await;
    let copy = rig.file().with_file_name("copy");
    std::fs::write(&copy, rig.set()).unwrap();
    let an_hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let file = std::fs::File::options().write(true).open(&copy).unwrap();
    file.set_modified(an_hour_ago).unwrap();
    std::fs::rename(&copy, rig.file()).unwrap();
    let error = rig.issuer.test(&new).await.unwrap_err();
    assert_eq!(error.word(), "throttled", "{error}");
    rig.in_force().await;
    assert_eq!(rig.issuer.test(&new).await, Ok(Liveness::Alive));
}

#[tokio::test]
async fn a_key_that_verifiers_still_take_stays_as_long_as_its_tokens() {
    let rig = Rig::new("ES256").await;
    let issuer = rig.with_tokens_of("1s");
    let new = rig.renewed().await;
    let error = issuer.revoke(&new.id).await.unwrap_err();
    assert_eq!(error.word(), "throttled");
    assert!(error.message.contains("are valid for 1 s more"), "{error}");
    assert_eq!(issuer.state(&new.id).await, Ok(CredentialState::Active));
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    issuer.revoke(&new.id).await.unwrap();
    assert_eq!(issuer.state(&new.id).await, Ok(CredentialState::Absent));
    assert!(!rig.set().contains("keywheel"), "{}", rig.set());
    // One that nobody was given has signed nothing.
    let unseen = rig.renewed().await;
    issuer.discard(&unseen).await.unwrap();
    assert_eq!(issuer.state(&unseen.id).await, Ok(CredentialState::Absent));
    // What was disabled signs nothing that anybody takes.
    let other = rig.renewed().await;
    issuer.disable(&other.id).await.unwrap();
    issuer.revoke(&other.id).await.unwrap();
}

#[tokio::test]
async fn no_private_part_is_published() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let rig = Rig::new(algorithm).await;
        rig.renewed().await;
        let set: serde_json::Value = serde_json::from_str(&rig.set()).unwrap();
        let members: Vec<_> = set["keys"][0]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let public = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
        assert!(
            members.iter().all(|name| public.contains(&name.as_str())),
            "{members:?}"
        );
        assert_eq!(set["keys"][0]["alg"], algorithm);
    }
}
