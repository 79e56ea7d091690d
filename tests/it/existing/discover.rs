//! `inventory discover`: both sides told, nothing shown, nothing changed.

use super::shelf::{CANARY, holding, put_fields};

const ENTRY: &str = "[secrets.known]\nissuer = { kind = \"manual\" }\nno_consumers = \"example\"\n\
     publish_to = [{ store = \"files\", path = \"known\" }]\n\
     [secrets.gone]\nissuer = { kind = \"manual\" }\nno_consumers = \"example\"\n\
     publish_to = [{ store = \"files\", path = \"gone\" }]\n";

#[test]
fn what_is_on_one_side_only_is_told() {
    let project = holding(&["known", "prod/orders/db"]);
    put_fields(&project, "prod/login", &["LOGIN", "PASSWORD"]);
    project.secrets(ENTRY);
    let ran = project.run(&["inventory", "discover", "test/files"]);
    assert_eq!(ran.code, 3, "{} {}", ran.stdout, ran.stderr);
    ran.says(&[
        "not in inventory",
        "prod/orders/db",
        "LOGIN PASSWORD",
        "not in store",
        "test/gone",
        "1 known, 2 not in the inventory, 1 not in the store",
        "next: keywheel inventory import test/files",
    ]);
    let json = project.run(&["inventory", "discover", "test/files", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["format"], "keywheel/inventory-discover/1");
    let sides: Vec<_> = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["side"])
        .collect();
    assert_eq!(
        sides,
        [
            "not_in_inventory",
            "not_in_inventory",
            "not_in_store",
            "known"
        ]
    );
    assert_eq!(project.leaks(&[CANARY]), Vec::<String>::new());
}

#[test]
fn both_sides_alike_is_good_and_unknown_names_are_told() {
    let project = holding(&["known", "gone"]);
    project.secrets(ENTRY);
    project
        .run(&["inventory", "discover", "test/files"])
        .succeeded()
        .says(&["2 known"]);
    let all = project
        .run(&["inventory", "discover", "test/files", "--all"])
        .succeeded();
    all.says(&["test/known"]);
    project
        .run(&["inventory", "discover", "test/flies"])
        .says(&["no store is called test/flies", "files"]);
    project
        .run(&["inventory", "discover", "tset/files"])
        .says(&["no environment is called tset", "test"]);
}

#[test]
fn keys_of_env_files_are_secrets_of_their_own() {
    let project = holding(&[]);
    project.write("app/web.env", &format!("A={CANARY}\nB={CANARY}\n"));
    let ran = project.run(&["inventory", "discover", "test/env"]);
    ran.says(&["2 not in the inventory", "web.env"]);
    let named = ["inventory", "import", "test/env", "--name-from", "last"];
    project.run(&named).succeeded().says(&["test/A", "test/B"]);
    assert_eq!(project.leaks(&[CANARY]), Vec::<String>::new());
}
