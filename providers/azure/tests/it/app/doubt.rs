//! Lost answers: what was made is found by its name, and what was taken away is known to be gone.

use super::rig::{NEXT, SETTLES, Scene, TAG, refused};
use keywheel_contract::{CredentialId, CredentialState, Issuer};
use keywheel_test_servers::faults::{Asked, Fault};

fn to(end: &'static str) -> impl Fn(&Asked<'_>) -> bool + Send + Sync {
    move |asked| asked.path().ends_with(end)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_answer_made_is_found_by_its_name_and_ended() {
    let scene = Scene::set().await;
    let (old, _) = scene.directory.make("by hand");
    let faults = &scene.directory.faults;
    for fault in [Fault::LoseReply, Fault::CutBody] {
        faults.next(1, fault, to("/addPassword"));
        let lost = refused(scene.mint(TAG).await);
        assert_eq!(lost.word(), "unknown_outcome", "{lost}");
        let found = scene.found(TAG).await;
        assert_eq!(found.len(), 1);
        let orphan = CredentialId::new(&found[0]);
        faults.next(1, Fault::LoseReply, to("/removePassword"));
        let lost = refused(scene.issuer.revoke(&orphan).await);
        assert_eq!(lost.word(), "unknown_outcome", "{lost}");
        let state = scene.issuer.state(&orphan).await.unwrap();
        assert_eq!(state, CredentialState::Absent);
        scene.issuer.revoke(&orphan).await.unwrap();
    }
    faults.next(1, Fault::Reset, to("/addPassword"));
    assert_eq!(refused(scene.mint(TAG).await).word(), "unknown_outcome");
    assert!(scene.found(TAG).await.is_empty());
    let made = scene.mint(NEXT).await.unwrap();
    let mut there = scene.directory.secrets();
    there.sort();
    let mut wanted = vec![
        (old, "by hand".to_owned()),
        (made.id.as_str().to_owned(), NEXT.to_owned()),
    ];
    wanted.sort();
    assert_eq!(there, wanted);
}

/// Not found by its name, it is looked for again as late as lists are; by its id, it is not called absent.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_list_shows_yet_is_not_called_absent() {
    let scene = Scene::set().await;
    let faults = &scene.directory.faults;
    let unlisted = || faults.next(1, Fault::Stale, to("passwordCredentials"));
    assert!(scene.found(TAG).await.is_empty());
    faults.next(1, Fault::LoseReply, to("/addPassword"));
    assert_eq!(refused(scene.mint(TAG).await).word(), "unknown_outcome");
    unlisted();
    assert!(scene.found(TAG).await.is_empty());
    assert_eq!(scene.issuer.capabilities().lists_after, SETTLES);
    let orphan = CredentialId::new(&scene.found(TAG).await[0]);
    scene.issuer.revoke(&orphan).await.unwrap();
    let made = scene.mint(TAG).await.unwrap();
    unlisted();
    let early = refused(scene.issuer.state(&made.id).await);
    assert_eq!(early.word(), "unavailable", "{early}");
    let state = scene.issuer.state(&made.id).await.unwrap();
    assert_eq!(state, CredentialState::Active);
    scene.issuer.revoke(&made.id).await.unwrap();
    let state = scene.issuer.state(&made.id).await.unwrap();
    assert_eq!(state, CredentialState::Absent);
}

/// Entries on one application share the issuer.
#[tokio::test(flavor = "multi_thread")]
async fn another_mint_makes_none_older() {
    let scene = Scene::set().await;
    let faults = &scene.directory.faults;
    assert!(scene.found(NEXT).await.is_empty());
    let made = scene.mint(TAG).await.unwrap();
    faults.next(1, Fault::Reset, to("/addPassword"));
    assert_eq!(refused(scene.mint(NEXT).await).word(), "unknown_outcome");
    faults.next(1, Fault::Stale, to("passwordCredentials"));
    let early = refused(scene.issuer.revoke(&made.id).await);
    assert_eq!(early.word(), "unavailable", "{early}");
    // Shown, and not known where it is taken away.
    faults.next(1, Fault::Refuse(404, None), to("/removePassword"));
    refused(scene.issuer.revoke(&made.id).await);
    assert_eq!(scene.directory.secrets().len(), 1);
    scene.issuer.revoke(&made.id).await.unwrap();
    assert!(scene.directory.secrets().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_graph_does_not_do_is_said_and_nothing_is_claimed() {
    let scene = Scene::set().await;
    let made = scene.mint(TAG).await.unwrap();
    let faults = &scene.directory.faults;
    for (fault, word) in [
        (Fault::Refuse(400, None), "invalid"),
        (Fault::Refuse(409, None), "unavailable"),
        (Fault::Refuse(429, Some(7)), "throttled"),
        (Fault::Refuse(503, None), "unknown_outcome"),
    ] {
        faults.next(1, fault, to("/removePassword"));
        let said = refused(scene.issuer.revoke(&made.id).await);
        assert_eq!(said.word(), word, "{said}");
    }
    assert_eq!(scene.directory.secrets().len(), 1);
    // A token that is taken no more is thrown away.
    faults.next(1, Fault::Refuse(401, None), to("/removePassword"));
    assert_eq!(
        refused(scene.issuer.revoke(&made.id).await).word(),
        "denied"
    );
    scene.issuer.revoke(&made.id).await.unwrap();
}
