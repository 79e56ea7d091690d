//! What clients of other people see of a rollout that we started.

use super::Rig;
use keywheel_test_servers::kubernetes::witness::{Kubectl, says};
use serde_json::json;

/// What `kubectl rollout status` waits for, by the other client's eyes.
const LOOK: &str = r#"
told = apps.read_namespaced_deployment("api", "orders")
pods = core.list_namespaced_pod("orders", label_selector="app=api").items
marks = told.spec.template.metadata.annotations
said = {"done": told.status.observed_generation >= told.metadata.generation
                and told.status.updated_replicas == told.spec.replicas == told.status.available_replicas,
        "carried": sorted({(p.metadata.annotations or {}).get(name) for p in pods for name in marks}),
        "ready": all(c.status == "True" for p in pods for c in p.status.conditions if c.type == "Ready"),
        "marks": list(marks.values()), "pods": len(pods)}
json.dump(said, sys.stdout)
"#;

#[tokio::test]
async fn other_clients_see_the_rollout_that_we_started() {
    let rig = Rig::set("deployments").await;
    rig.notify("fp-new").await.unwrap();
    rig.cluster.settle();
    let token = rig.cluster.administrator();
    let said = says(&rig.cluster, &rig.authority, &token, LOOK).await;
    if let Some(said) = said {
        let mark = "fp-new example";
        let expected =
            json!({ "done": true, "carried": [mark], "ready": true, "marks": [mark], "pods": 3 });
        assert_eq!(said, expected);
    }
    let Some(kubectl) = Kubectl::new(&rig.cluster, &rig.authority, &token) else {
        return;
    };
    let get = [
        "-n",
        "orders",
        "get",
        "deployment",
        "api",
        "-o",
        "jsonpath={.status.updatedReplicas}",
    ];
    assert_eq!(kubectl.run(&get, "").await.unwrap(), "3");
    let status = [
        "-n",
        "orders",
        "rollout",
        "status",
        "deployment/api",
        "--watch=false",
    ];
    let done = kubectl.run(&status, "").await.unwrap();
    assert!(done.contains("successfully rolled out"), "{done}");
    let pods = [
        "-n",
        "orders",
        "get",
        "pods",
        "-l",
        "app=api",
        "-o",
        "jsonpath={.items[*].status.phase}",
    ];
    assert_eq!(
        kubectl.run(&pods, "").await.unwrap(),
        "Running Running Running"
    );
}
