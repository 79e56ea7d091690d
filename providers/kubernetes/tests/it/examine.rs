//! What `keywheel check --online` and `keywheel inventory discover` learn, and that they change nothing.

use crate::rig::{DB, Rig, place, place_of, publish};
use keywheel_contract::{Examination, SecretStore as _, Verdict};
use serde_json::json;

fn verdict(seen: &Examination, about: &str) -> Verdict {
    let found = seen.findings.iter().find(|one| one.about == about);
    found
        .unwrap_or_else(|| panic!("{about}: {:?}", seen.findings))
        .verdict
}

#[tokio::test]
async fn the_printed_role_is_enough_for_everything_that_a_rotation_does() {
    let rig = Rig::set().await;
    let other = place_of("shop/api", &["KEY"]);
    rig.cluster
        .edit("shop/api", "KEY", "example-by-hand", "kubectl-create");
    rig.token.replace(&rig.cluster.administrator());
    let seen = rig.store.examine(&[place(), other.clone()]).await;
    // A person's rights are not what a daemon should have.
    assert_eq!(verdict(&seen, "identity"), Verdict::Warning);
    let policy = seen.policy.unwrap();
    assert_eq!(policy.matches("kind: Role").count(), 2, "{policy}");
    rig.token.replace(&rig.cluster.service_account(&policy));
    let seen = rig.store.examine(&[place(), other.clone()]).await;
    let good = seen.findings.iter().all(|one| one.verdict == Verdict::Good);
    assert!(good, "{:?}", seen.findings);
    assert_eq!(rig.cluster.writes(DB), 0, "the check wrote");
    for (number, place) in [(1, place()), (2, other)] {
        publish(&rig.store, &place, "example-1", number)
            .await
            .unwrap();
        publish(&rig.store, &place, "example-2", number + 2)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_is_said_before_a_rotation_fails_of_it() {
    let rig = Rig::set().await;
    let role = |verbs: &str| {
        format!(
            "kind: Role\nmetadata:\n  namespace: orders\nrules:\n- apiGroups: [\"\"]\n  resources: [\"secrets\"]\n  \
             verbs: [{verbs}]\n"
        )
    };
    rig.token
        .replace(&rig.cluster.service_account(&role("\"get\"")));
    let seen = rig.store.examine(&[place()]).await;
    let about = |verb: &str| format!("permission to {verb}: {DB}");
    for (verb, expected) in [
        ("get", Verdict::Good),
        ("patch", Verdict::Missing),
        ("create", Verdict::Missing),
    ] {
        assert_eq!(verdict(&seen, &about(verb)), expected, "{verb}");
    }
    assert!(seen.policy.unwrap().contains("[\"create\"]"));
    // Where it exists, nobody needs the right to make it.
    rig.cluster.edit(DB, "TOKEN", "example", "kubectl-create");
    let argo =
        json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": "shop" } } });
    rig.cluster.merge(DB, &argo);
    let seen = rig.store.examine(&[place()]).await;
    assert!(!seen.findings.iter().any(|one| one.about == about("create")));
    assert!(!seen.policy.as_ref().unwrap().contains("create"));
    assert_eq!(verdict(&seen, &format!("others: {DB}")), Verdict::Warning);
    let owner = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "Helm" } } });
    rig.cluster.merge(DB, &owner);
    let seen = rig.store.examine(&[place()]).await;
    assert_eq!(
        verdict(&seen, &format!("native rotation: {DB}")),
        Verdict::Missing
    );
    rig.token.replace("example-nobody");
    let seen = rig.store.examine(&[place()]).await;
    assert_eq!(verdict(&seen, "identity"), Verdict::Missing);
}

#[tokio::test]
async fn everything_is_listed_by_name_part_by_part_and_never_a_value() {
    let rig = Rig::set().await;
    rig.token.replace(&rig.cluster.administrator());
    for number in 0..450 {
        rig.cluster.edit(
            &format!("orders/s-{number:03}"),
            "KEY",
            "example-value",
            "kubectl-create",
        );
    }
    let helm = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "Helm", "team": "shop" } } });
    rig.cluster.merge("orders/s-000", &helm);
    let (mut found, mut parts, mut next) = (Vec::new(), 0, None);
    loop {
        let part = rig.store.discover(next.as_deref()).await.unwrap();
        found.extend(part.entries);
        parts += 1;
        next = part.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!((found.len(), parts), (450, 3));
    assert_eq!(
        (found[1].path.as_str(), &found[1].fields[..]),
        ("orders/s-001", &["KEY".to_owned()][..])
    );
    assert!(found[1].written_at_ms.is_some() && found[1].natively_managed_by.is_none());
    assert!(
        found[0]
            .natively_managed_by
            .as_ref()
            .unwrap()
            .contains("Helm")
    );
    assert_eq!(found[0].tags["team"], "shop");
    let mut asked = rig.cluster.asked().into_iter();
    assert!(asked.all(|one| one.starts_with("GET /api/v1/secrets?limit=200")));
    rig.token
        .replace(&rig.cluster.service_account(crate::rig::ROLE));
    let refused = rig.store.discover(None).await.unwrap_err();
    assert_eq!(refused.word(), "denied");
}
