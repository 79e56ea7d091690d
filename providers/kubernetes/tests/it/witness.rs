//! Clients of other people: the Python package of the Kubernetes project, and `kubectl`.

use crate::rig::{DB, Rig, place, word};
use keywheel_contract::SecretStore as _;
use keywheel_test_servers::kubernetes::witness::{Kubectl, says};
use serde_json::json;

/// Writes as people do, reads what we wrote, and is refused where we would be.
const TALK: &str = r#"
def text(secret, key):
    return base64.b64decode(secret.data[key]).decode()
def body(**data):
    return client.V1Secret(metadata=client.V1ObjectMeta(name="db"), string_data=data)
said = {}
mine = core.read_namespaced_secret("db", "orders")
said["ours"] = text(mine, "TOKEN")
said["managers"] = sorted((f.manager, f.operation) for f in mine.metadata.managed_fields)
said["exists"] = refusal(lambda: core.create_namespaced_secret("orders", body(A="x")))
said["no namespace"] = refusal(lambda: core.create_namespaced_secret("nowhere", body(A="x")))
def apply(data, version=None, manager="python", force=None):
    told = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": data}
    if version: told["metadata"]["resourceVersion"] = version
    query = [("fieldManager", manager)] + ([("force", "true")] if force else [])
    headers = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
    return api.call_api("/api/v1/namespaces/orders/secrets/db", "PATCH", body=told, query_params=query,
                        header_params=headers, auth_settings=["BearerToken"], response_type="V1Secret")
theirs = base64.b64encode(b"example-theirs").decode()
said["not forced"] = refusal(lambda: apply({"TOKEN": theirs}))
said["too late"] = refusal(lambda: apply({"TOKEN": theirs}, version="1", force=True))
said["immutable"] = refusal(lambda: core.patch_namespaced_secret("db", "orders", {"data": {"bad key": theirs}}))
apply({"HOST": theirs})
stale = core.read_namespaced_secret("db", "orders")
core.patch_namespaced_secret("db", "orders", {"data": {"TOKEN": theirs}}, field_manager="kubectl-edit")
said["stale"] = refusal(lambda: core.replace_namespaced_secret("db", "orders", stale))
said["listed"] = [s.metadata.name for s in core.list_namespaced_secret("orders", limit=1).items]
json.dump(said, sys.stdout)
"#;

#[tokio::test]
async fn the_client_of_the_project_reads_what_we_wrote_and_we_read_what_it_wrote() {
    let rig = Rig::set().await;
    rig.publish("example-1", 1).await.unwrap();
    rig.publish("example-2", 2).await.unwrap();
    let seen = rig.store.inspect(&place()).await.unwrap();
    let token = rig.cluster.administrator();
    let Some(said) = says(&rig.cluster, &rig.authority, &token, TALK).await else {
        return;
    };
    let expected = json!({
        "ours": "example-2", "managers": [["keywheel", "Apply"], ["keywheel", "Update"]],
        "exists": [409, "AlreadyExists"], "no namespace": [404, "NotFound"], "not forced": [409, "Conflict"],
        "too late": [409, "Conflict"], "immutable": [422, "Invalid"], "stale": [409, "Conflict"], "listed": ["db"],
    });
    assert_eq!(said, expected);
    let now = rig.store.inspect(&place()).await.unwrap();
    assert_ne!(now.current, seen.current);
    let late = crate::rig::publish_over(&rig.store, &place(), "example-3", 3, &seen).await;
    let refused = late.unwrap_err();
    assert!(refused.message.contains("`kubectl-edit`"), "{refused}");
    assert_eq!(rig.value("TOKEN"), "example-theirs");
}

#[tokio::test]
async fn kubectl_works_beside_us() {
    let rig = Rig::set().await;
    let token = rig.cluster.administrator();
    let Some(kubectl) = Kubectl::new(&rig.cluster, &rig.authority, &token) else {
        return;
    };
    let create = [
        "-n",
        "orders",
        "create",
        "secret",
        "generic",
        "db",
        "--from-literal=TOKEN=example-by-hand",
    ];
    kubectl.run(&create, "").await.unwrap();
    assert!(rig.store.inspect(&place()).await.unwrap().current.is_some());
    rig.publish("example-1", 1).await.unwrap();
    let get = [
        "-n",
        "orders",
        "get",
        "secret",
        "db",
        "-o",
        "jsonpath={.data.TOKEN}",
    ];
    assert_eq!(kubectl.run(&get, "").await.unwrap(), "ZXhhbXBsZS0x");
    let applied = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"orders"},
                      "data":{"TOKEN":"dGhlaXJz"}}"#;
    let apply = ["apply", "--server-side", "--validate=false", "-f", "-"];
    let refused = kubectl.run(&apply, applied).await.unwrap_err();
    assert!(refused.contains("conflict with \"keywheel\""), "{refused}");
    let edit = [
        "-n",
        "orders",
        "patch",
        "secret",
        "db",
        "-p",
        r#"{"stringData":{"TOKEN":"example-theirs"}}"#,
    ];
    let seen = rig.store.inspect(&place()).await.unwrap();
    kubectl.run(&edit, "").await.unwrap();
    let late = crate::rig::publish_over(&rig.store, &place(), "example-2", 2, &seen).await;
    let refused = late.unwrap_err();
    assert!(refused.message.contains("`kubectl-patch`"), "{refused}");
    kubectl
        .run(&["-n", "orders", "delete", "secret", "db"], "")
        .await
        .unwrap();
    assert_eq!(rig.cluster.value(DB, "TOKEN"), None);
    assert_eq!(word(rig.publish("example-3", 3).await), "done");
}
