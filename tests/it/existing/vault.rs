//! The same with a real OpenBao as the store.

use super::shelf::CANARY;
use crate::project::Project;
use keywheel_test_servers::openbao::OpenBao;
use serde_json::json;

#[tokio::test]
async fn what_openbao_holds_is_found_imported_and_adopted() {
    let Some(server) = OpenBao::in_memory().await else {
        return;
    };
    for number in 0..40 {
        let document =
            json!({ "data": { "LOGIN": "example", "PASSWORD": format!("{CANARY}-{number}") } });
        let path = format!("secret/data/team-{}/db-{number}", number % 3);
        server.post(&path, document).await;
        let noted = json!({ "custom_metadata": { "team": "team" } });
        let path = format!("secret/metadata/team-{}/db-{number}", number % 3);
        server.post(&path, noted).await;
    }
    let project = Project::new();
    project.write("vault-token", &server.root);
    let settings = project.read("inventory/test/environment.toml");
    let store = format!(
        "{settings}[stores.vault]\nkind = \"vault\"\naddress = \"{}\"\nlogin = {{ token = {{ file = \"vault-token\" }} }}\n",
        server.address
    );
    project.write("inventory/test/environment.toml", &store);
    project.prepared();
    let found = project
        .run(&["inventory", "discover", "test/vault"])
        .ended(3);
    found.says(&["40 not in the inventory", "LOGIN PASSWORD", "team-2/db-38"]);
    let file = "inventory/test/imported.toml";
    let import = [
        "inventory",
        "import",
        "test/vault",
        "--owner-from",
        "tag:team",
        "--write",
        file,
    ];
    project.run(&import).succeeded().says(&["40 written"]);
    project.runs(&[&["check"], &["inventory", "apply"]]);
    let adopted = project.run(&["inventory", "adopt", "test/*"]).succeeded();
    adopted.says(&["40 adopted", "0 cannot be named, 0 not dated, 0 failed"]);
    assert_eq!(project.leaks(&[CANARY]), Vec::<String>::new());
}
