//! A generated value that its consumers honour themselves: those who accept it take old and new side by side,
//! and are proven before those who present it are told.

use crate::project::{Consumer, Project};
use keywheel::journal::audit::AuditRow;

const ID: &str = "test/shared";

#[tokio::test]
async fn acceptors_are_proven_before_presenters_are_told() {
    let project = Project::new();
    let old = "example-old-value-of-forty-characters-00";
    project.write("app/shared.env", &format!("TOKEN={old}\n"));
    let start = |name| Consumer::start(&project, "shared", name, "shared.env", "TOKEN", &[]);
    let (gateway, client) = (start("gateway"), start("client"));
    project.secrets(&format!(
        "[secrets.shared]\nissuer = {{ kind = \"random\", length = 40 }}\npublish_to = [{{ store = \"env\", \
         path = \"shared.env\", fields = {{ TOKEN = \"{{value}}\", TOKEN_OLD = \"{{previous.value}}\" }} }}]\n\
         [secrets.shared.consumers.gateway]\nrole = \"accepts\"\n{}\
         [secrets.shared.consumers.client]\nrole = \"presents\"\n{}",
        gateway.lines(),
        client.lines()
    ));
    project.prepared();
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    project.until_completed(ID).await;
    let rows = project.audit(ID).await;
    let accepted = seq(&rows, "evidence", "new", "gateway");
    let told = seq(&rows, "notify", "intent", "client");
    assert!(
        accepted < told,
        "the client was told at {told}, the gateway proven at {accepted}"
    );
    let dropped = seq(&rows, "drop_previous", "intent", "env:shared.env");
    assert!(seq(&rows, "evidence", "new", "client") < dropped);
    let file = project.read("app/shared.env");
    assert!(!file.contains(old), "the old value is still shown");
    assert_eq!(
        project.leaks(&[old, &project.env_value("shared.env", "TOKEN").unwrap()]),
        Vec::<String>::new()
    );
    daemon.stop();
}

fn seq(rows: &[AuditRow], action: &str, outcome: &str, about: &str) -> i64 {
    let is = |row: &&AuditRow| {
        let entry = &row.entry;
        entry.action == action && entry.outcome == outcome && entry.destination.starts_with(about)
    };
    let row = rows.iter().find(is);
    row.unwrap_or_else(|| panic!("no row {action} {outcome} {about}"))
        .seq
        .unwrap()
}
