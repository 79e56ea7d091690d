//! Secrets that are not ours to write, and rights that are not given.

use crate::rig::{DB, Kept, Rig, opened, place, place_of, publish, store, word};
use keywheel_contract::{ErrorKind, SecretStore as _};
use keywheel_provider_kubernetes::KubernetesOptions;
use keywheel_test_servers::authority::Authority;
use serde_json::json;

#[tokio::test]
async fn a_secret_that_a_controller_writes_is_left_to_it() {
    for (patch, who) in [
        (
            json!({ "metadata": { "ownerReferences": [{ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
                                                        "name": "db", "uid": "u", "controller": true }] } }),
            "ExternalSecret db",
        ),
        (
            json!({ "metadata": { "ownerReferences": [{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                                                        "name": "db", "uid": "u", "controller": true }] } }),
            "SealedSecret db",
        ),
        (
            json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "Helm" } } }),
            "Helm",
        ),
        (
            json!({ "metadata": { "annotations": { "reconcile.external-secrets.io/data-hash": "x" } } }),
            "External Secrets",
        ),
    ] {
        let rig = Rig::set().await;
        rig.cluster
            .edit(DB, "TOKEN", "example-theirs", "controller");
        let before = rig.store.inspect(&place()).await.unwrap();
        assert_eq!(before.natively_managed_by, None);
        rig.cluster.merge(DB, &patch);
        let by = rig
            .store
            .inspect(&place())
            .await
            .unwrap()
            .natively_managed_by
            .unwrap();
        assert!(by.contains(who), "{by}");
        let refused = rig.publish("example-1", 1).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NativelyManaged { by });
        assert_eq!(rig.value("TOKEN"), "example-theirs");
    }
}

#[tokio::test]
async fn an_immutable_secret_is_refused_before_anything_is_made() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    rig.cluster.merge(DB, &json!({ "immutable": true }));
    let refused = rig.store.inspect(&place()).await.unwrap_err();
    assert_eq!(refused.word(), "invalid");
    assert!(refused.message.contains("immutable"), "{refused}");
    assert_eq!(word(rig.publish("example-2", 2).await), "invalid");
}

#[tokio::test]
async fn what_a_webhook_changes_is_not_taken_for_what_we_wrote() {
    let rig = Rig::set().await;
    rig.cluster.changes_on_the_way_in("TOKEN");
    let refused = rig.publish("example-1", 1).await.unwrap_err();
    assert_eq!(refused.word(), "conflict");
    assert!(refused.message.contains("webhook"), "{refused}");
}

#[tokio::test]
async fn a_tool_that_would_put_back_its_own_is_told_beforehand() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    let mark =
        json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": "shop" } } });
    rig.cluster.merge(DB, &mark);
    let seen = rig.store.inspect(&place()).await.unwrap();
    assert!(seen.warnings[0].contains("Argo CD"), "{:?}", seen.warnings);
    rig.publish("example-2", 2).await.unwrap();
}

#[tokio::test]
async fn each_missing_right_says_what_to_do() {
    let rig = Rig::set().await;
    let role = |rules: &str| format!("kind: Role\nmetadata:\n  namespace: orders\nrules:\n{rules}");
    let rule = |verbs: &str| {
        role(&format!(
            "- apiGroups: [\"\"]\n  resources: [\"secrets\"]\n  verbs: [{verbs}]"
        ))
    };
    rig.token
        .replace(&rig.cluster.service_account(&rule("\"get\"")));
    let refused = rig.publish("example-1", 1).await.unwrap_err();
    assert_eq!(refused.word(), "denied");
    assert!(
        refused.message.starts_with("creating orders/db: forbidden"),
        "{refused}"
    );
    rig.cluster.edit(DB, "TOKEN", "example-1", "kubectl-create");
    let refused = rig.publish("example-2", 2).await.unwrap_err();
    assert!(
        refused.message.starts_with("writing orders/db: forbidden"),
        "{refused}"
    );
    rig.token
        .replace(&rig.cluster.service_account(&rule("\"patch\"")));
    let refused = rig.store.inspect(&place()).await.unwrap_err();
    assert!(
        refused.message.starts_with("reading orders/db: forbidden"),
        "{refused}"
    );
    let token = rig
        .cluster
        .service_account(&rule("\"get\", \"patch\", \"create\""));
    rig.token.replace(&token);
    let elsewhere = place_of("shop/db", &["TOKEN"]);
    assert_eq!(word(rig.store.inspect(&elsewhere).await), "denied");
    rig.token.replace(&rig.cluster.administrator());
    assert_eq!(
        word(publish(&rig.store, &elsewhere, "example", 3).await),
        "not_found"
    );
    rig.cluster.revoke(&token);
    rig.token.replace(&token);
    let refused = rig.store.inspect(&place()).await.unwrap_err();
    assert!(refused.message.contains("wrong or expired"), "{refused}");
    rig.token.replace("");
    assert_eq!(word(rig.store.inspect(&place()).await), "invalid");
}

#[tokio::test]
async fn only_a_server_that_proves_who_it_is_gets_our_token() {
    let rig = Rig::set().await;
    let (other, token) = (Authority::make(), Kept::new(&rig.cluster.administrator()));
    let asked = rig.cluster.asked().len();
    let wary = store(rig.cluster.address(), &other, &token);
    assert_eq!(word(wary.inspect(&place()).await), "unavailable");
    assert_eq!(rig.cluster.asked().len(), asked);
}

#[tokio::test]
async fn outside_of_a_cluster_there_is_no_cluster_we_run_in() {
    let refused = opened(KubernetesOptions::default()).err().unwrap();
    assert!(refused.message.contains("no pod"), "{refused}");
}
