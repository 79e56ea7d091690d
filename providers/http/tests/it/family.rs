//! GitLab's trap: a token that was rotated once and is rotated again is taken for stolen, and every token that came of it
//! ends. keywheel makes a token beside the other and ends that one; it never asks to rotate.

use keywheel_contract::{Credential, Issuer as _, Liveness, Tag};
use keywheel_provider_http::HttpIssuer;
use keywheel_provider_http::contract::Played;
use keywheel_provider_http::shipped;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::serve::{Served, serve};

struct Rig {
    played: Played,
    served: Served,
    issuer: HttpIssuer,
}

impl Rig {
    async fn set() -> Self {
        let played = Played::new(shipped::pack("gitlab").unwrap());
        let served = serve(played.router(), None).await;
        let issuer = played.issuer(&served.address).unwrap();
        Self {
            played,
            served,
            issuer,
        }
    }

    async fn mint(&self, number: u32) -> Credential {
        self.issuer.mint(&tag(number)).await.unwrap()
    }

    /// What somebody else's program does: the status of the answer.
    async fn rotate(&self, token: &Credential) -> u16 {
        let path = "projects/group%2Fexample/access_tokens";
        let (address, base) = (&self.served.address, self.played.path());
        let url = format!("{address}{base}/{path}/{}/rotate", token.id);
        let asked = reqwest::Client::new().post(url);
        let asked = asked.header("private-token", "glpat-example-admin");
        asked.send().await.unwrap().status().as_u16()
    }
}

fn tag(number: u32) -> Tag {
    Tag::new(format!("keywheel-example-{number}"))
}

#[tokio::test]
async fn a_second_rotation_of_one_token_ends_its_family_and_no_other() {
    let rig = Rig::set().await;
    let (token, other) = (rig.mint(0).await, rig.mint(1).await);
    assert_eq!(rig.rotate(&token).await, 200);
    assert_eq!(rig.played.count(), (3, 2), "the old one, at once");
    assert_eq!(rig.rotate(&token).await, 401);
    assert_eq!(rig.played.count(), (3, 1), "the new one, too");
    assert_eq!(rig.issuer.test(&other).await.unwrap(), Liveness::Alive);
}

/// Whatever is lost, repeated or refused on the way, nobody's token ends but the one that is to.
#[tokio::test]
async fn keywheel_never_asks_to_rotate() {
    let rig = Rig::set().await;
    let faults = &rig.served.faults;
    let old = rig.mint(0).await;
    assert_eq!(
        rig.rotate(&old).await,
        200,
        "so that a second time is fatal"
    );
    let family = rig.played.count();
    let writes = |asked: &Asked<'_>| asked.writes();
    faults.next(1, Fault::LoseReply, writes);
    let lost = rig.issuer.mint(&tag(1)).await.err().unwrap();
    assert_eq!(lost.word(), "unknown_outcome");
    for orphan in rig.issuer.find(&tag(1)).await.unwrap() {
        rig.issuer.revoke(&orphan).await.unwrap();
    }
    let new = rig.mint(2).await;
    for fault in [
        Fault::LoseReply,
        Fault::Refuse(401, None),
        Fault::Refuse(429, Some(1)),
        Fault::Refuse(500, None),
        Fault::Reset,
    ] {
        faults.next(1, fault, writes);
        drop(rig.issuer.revoke_shown(&old).await);
        faults.clear();
        rig.issuer.test(&old).await.unwrap();
        rig.issuer.state(&old.id).await.unwrap();
        rig.issuer.identify(&new.fields).await.unwrap();
        rig.issuer.last_used(&new.id).await.unwrap();
    }
    rig.issuer.revoke_shown(&old).await.unwrap();
    assert_eq!(rig.issuer.test(&new).await.unwrap(), Liveness::Alive);
    // Two were made since, the orphan and the new one: the new one lives, and who was alive before.
    assert_eq!(rig.played.count(), (family.0 + 2, family.1 + 1));
    let asked = rig.played.exchanges();
    let rotates = asked.iter().filter(|one| one.path.ends_with("/rotate"));
    assert_eq!(rotates.count(), 1, "only the one of ours here: {asked:#?}");
    let (met, writes) = (faults.met().len(), asked.len());
    assert!(met == 6 && writes > 20, "{met} faults, {writes} exchanges");
}
