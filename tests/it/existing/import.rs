//! `inventory import`: entries that pass `check`, findings for the rest, and nothing that stood there is touched.

use super::shelf::{CANARY, holding, put_fields};

#[test]
fn what_a_store_holds_is_written_and_passes_check() {
    let project = holding(&["prod/orders/db", "prod/billing.token", "b ad", "a/b", "a-b"]);
    put_fields(&project, "prod/login", &["LOGIN", "PASSWORD"]);
    let shown = project.run(&["inventory", "import", "test/files"]);
    assert_eq!(shown.code, 3);
    shown.says(&[
        "test/prod-orders-db",
        "3 would be written",
        "would be called test/a-b too",
        "b ad",
    ]);
    let file = "inventory/test/imported.toml";
    assert!(!project.path(file).exists());
    let written = project.run(&["inventory", "import", "test/files", "--write", file]);
    assert_eq!(written.code, 3);
    written.says(&["3 written to inventory/test/imported.toml", "3 findings"]);
    project
        .run(&["check"])
        .succeeded()
        .says(&["3 secrets, no problem found"]);
    assert!(project.read(file).contains("manage       = \"track\""));
    let again = project.run(&["inventory", "import", "test/files", "--write", file]);
    again.says(&["0 written", "3 known before"]);
    project
        .run(&["inventory", "apply"])
        .succeeded()
        .says(&["adds 3"]);
    assert_eq!(project.leaks(&[CANARY]), Vec::<String>::new());
}

#[test]
fn a_file_that_exists_is_added_to_and_keeps_what_it_says() {
    let project = holding(&["one", "two"]);
    let before = "# mine\n[secrets.one]\nissuer = { kind = \"manual\" }\nno_consumers = \"example\"\n\
         publish_to = [{ store = \"files\", path = \"one\" }]";
    project.secrets(before);
    let file = "inventory/test/team.toml";
    project
        .run(&["inventory", "import", "test/files", "--write", file])
        .succeeded();
    let after = project.read(file);
    assert!(
        after.starts_with(before) && after.contains("[secrets.two]"),
        "{after}"
    );
    project.run(&["check"]).succeeded().says(&["2 secrets"]);
}

#[test]
fn only_files_of_an_environment_are_written_to() {
    let project = holding(&["one"]);
    for file in [
        "elsewhere.toml",
        "inventory/test/environment.toml",
        "inventory/shared.toml",
        "inventory/test/a.txt",
    ] {
        let ran = project.run(&["inventory", "import", "test/files", "--write", file]);
        assert_eq!(ran.code, 1, "{file}");
        ran.says(&["is no file for secrets"]);
    }
    assert!(!project.path("elsewhere.toml").exists());
}

#[test]
fn bad_rows_of_a_spreadsheet_are_findings_with_their_line() {
    let project = holding(&[]);
    project.write(
        "secrets.csv",
        "environment;store;path;name;owner;fields;comment\n\
         test;files;prod/a;a;team;;x\n\
         test;files;prod/b;b;payments;;\n\
         test;nowhere;prod/c;c;team;;\n\
         staging;files;prod/d;d;team;;\n\
         test;files;prod/e;no name;team;;\n\
         test;files;prod/f;twice;team;;\n\
         test;files;prod/g;twice;team;;\n\
         test;env;h.env;h;team;;\n\
         test;files;prod/i;i;team;LOGIN PASSWORD;\n",
    );
    let file = "inventory/test/imported.toml";
    let ran = project.run(&[
        "inventory",
        "import",
        "--csv",
        "secrets.csv",
        "--write",
        file,
    ]);
    assert_eq!(ran.code, 3, "{} {}", ran.stdout, ran.stderr);
    ran.says(&[
        "nobody reads column `comment`",
        "line 3",
        "unknown owner `payments`",
        "payments = {}",
        "test has no store `nowhere`",
        "unknown environment `staging`",
        "line 6",
        "line 8 would be called test/twice too",
        "line 7 would be called test/twice too",
        "a place in `env` needs `field` or `fields`",
        "2 written",
    ]);
    project
        .run(&["check"])
        .succeeded()
        .says(&["2 secrets, no problem found"]);
    let shared = project.read("inventory/shared.toml");
    project.write(
        "inventory/shared.toml",
        &format!("{shared}payments = {{}}\n"),
    );
    let again = project.run(&[
        "inventory",
        "import",
        "--csv",
        "secrets.csv",
        "--write",
        file,
    ]);
    again.says(&["1 written", "2 known before"]);
    project
        .run(&["check"])
        .succeeded()
        .says(&["3 secrets, no problem found"]);
}

#[test]
fn values_in_a_spreadsheet_are_refused_and_not_shown() {
    let project = holding(&[]);
    project.write(
        "a.csv",
        &format!("environment,store,path,password\ntest,files,a,{CANARY}\n"),
    );
    let ran = project.run(&["inventory", "import", "--csv", "a.csv"]);
    assert_eq!(ran.code, 1);
    ran.says(&["column `password` is named like a value"]);
    let random = "0123456789abcdef0123456789abcdef";
    project.write(
        "b.csv",
        &format!("environment,store,path,impact\ntest,files,a,{random}\n"),
    );
    let ran = project.run(&["inventory", "import", "--csv", "b.csv"]);
    ran.says(&["column `impact` looks like a credential"]);
    for sheet in ["a.csv", "b.csv"] {
        std::fs::remove_file(project.path(sheet)).unwrap();
    }
    assert_eq!(project.leaks(&[CANARY, random]), Vec::<String>::new());
}
