//! `inventory apply --spread`: going live with very many starts nothing at once.

use super::shelf::{CANARY, put};
use crate::project::Project;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

const MANY: usize = 300;
const FILE: &str = "inventory/test/imported.toml";
const DAY: Duration = Duration::from_secs(86_400);

/// Imported and only tracked; their values are 400 days old, and 30 are allowed.
fn old_values(count: usize) -> Project {
    let project = Project::new();
    for number in 0..count {
        let path = format!("team/secret-{number:03}");
        put(&project, &path, &format!("{CANARY}-{number}"));
        let value = project.path(&format!("published/{path}/v1.{}", "0".repeat(64)));
        let file = std::fs::File::options().write(true).open(value).unwrap();
        file.set_modified(SystemTime::now() - DAY * 400).unwrap();
    }
    project.prepared();
    project.runs(&[
        &["inventory", "import", "test/files", "--write", FILE],
        &["inventory", "apply"],
    ]);
    project
}

/// Hands them over to the schedule.
fn managed(project: &Project, count: usize) {
    let tracked = project.read(FILE);
    let managed = tracked.replace("\"track\"", "\"auto\"");
    assert_eq!(tracked.len() - managed.len(), count);
    project.write(FILE, &managed);
}

/// Days of the coming starts with how many they have, and the lines of each.
fn plan(project: &Project) -> (BTreeMap<String, usize>, Vec<String>) {
    let plan = project.run(&["plan", "--until", "14d"]).succeeded();
    let why = "spread over 14d by inventory apply; 30d after the last rotation";
    let lines = plan.stdout.lines().filter(|line| line.contains(why));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    let mut days = BTreeMap::new();
    for line in &lines {
        *days.entry(line[..10].to_owned()).or_insert(0) += 1;
    }
    (days, lines)
}

fn rotations(project: &Project) -> usize {
    let history = project.run(&["history", "--output", "csv"]).succeeded();
    history.stdout.lines().skip(1).count()
}

#[test]
fn hundreds_that_are_overdue_start_over_two_weeks_and_a_restart_changes_nothing() {
    let project = old_values(MANY);
    project.run(&["inventory", "adopt", "test/*"]).succeeded();
    let daemon = project.daemon();
    managed(&project, MANY);
    let applied = project.run(&["inventory", "apply", "--spread", "14d"]);
    applied
        .succeeded()
        .says(&["300 first starts spread over 14d"]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(rotations(&project), 0);
    let (days, lines) = plan(&project);
    assert_eq!(lines.len(), MANY);
    // Fourteen whole days touch fifteen dates; the first and the last are parts.
    assert!((14..=15).contains(&days.len()), "{days:?}");
    assert!(days.values().all(|count| *count < 45), "{days:?}");
    let status = project.run(&["status", "--all"]).succeeded();
    assert_eq!(status.stdout.matches("overdue").count() / MANY, 1);
    daemon.stop();
    let daemon = project.daemon();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(plan(&project).1, lines);
    let again = project.run(&["inventory", "apply", "--spread", "14d"]);
    again.succeeded().says(&["0 first starts spread over 14d"]);
    assert_eq!(plan(&project).1, lines);
    assert_eq!(rotations(&project), 0);
    daemon.stop();
    let audit = project.run(&["audit", "list"]).succeeded();
    let row = "inventory/test/imported.toml: 300 first starts spread over 14d";
    assert_eq!(audit.stdout.matches(row).count(), 1);
    project.run(&["audit", "verify"]).succeeded();
}

/// Two that make values by themselves, due since long ago.
fn due_at_once(manage: &str) -> String {
    let secret = |name: &str| {
        format!(
            "[secrets.{name}]\nmanage = \"{manage}\"\nissuer = {{ kind = \"random\", length = 40 }}\n\
             in_place = \"example\"\nno_consumers = \"example\"\ntiming = {{ first_due = \"2020-01-01\" }}\n\
             publish_to = [{{ store = \"env\", path = \"{name}.env\", field = \"S\" }}]\n"
        )
    };
    ["one", "two"].map(secret).concat()
}

#[test]
fn a_person_does_not_wait_for_a_first_start_and_it_is_used_once() {
    let project = Project::new();
    project.secrets(&due_at_once("track"));
    project.prepared();
    let daemon = project.daemon();
    project.secrets(&due_at_once("auto"));
    project
        .run(&["inventory", "apply", "--spread", "14d"])
        .succeeded()
        .says(&["2 first starts"]);
    project
        .run(&["rotate-now", "test/one", "--wait", "--yes"])
        .succeeded();
    assert!(project.env_value("one.env", "S").is_some());
    assert_eq!(project.env_value("two.env", "S"), None);
    let plan = project.run(&["plan"]).succeeded();
    let of = |id: &str| {
        let line = plan.stdout.lines().find(|line| line.contains(id));
        line.unwrap_or_default().to_owned()
    };
    assert!(
        of("test/two").contains("spread over 14d"),
        "{}",
        plan.stdout
    );
    assert!(of("test/one").ends_with("30d after the last rotation"));
    assert!(!of("test/one").contains("spread"), "{}", plan.stdout);
    daemon.stop();
}

#[test]
fn a_value_that_is_adopted_later_keeps_its_date_and_its_first_start() {
    let project = old_values(1);
    managed(&project, 1);
    let spread = ["inventory", "apply", "--spread", "14d"];
    project.run(&spread).succeeded().says(&["1 first starts"]);
    let first = |project: &Project| {
        let plan = project.run(&["plan"]).succeeded();
        let line = plan.stdout.lines().find(|line| line.contains("spread"));
        line.unwrap_or_default()[..20].to_owned()
    };
    let before = first(&project);
    project
        .run(&["inventory", "adopt", "test/*"])
        .succeeded()
        .says(&["1 adopted"]);
    assert_eq!(first(&project), before);
    let status = project.run(&["status", "--all"]).succeeded();
    status.says(&["overdue"]);
}

#[test]
fn without_a_spread_they_start_at_once() {
    let project = Project::new();
    project.secrets(&due_at_once("track"));
    project.prepared();
    project.secrets(&due_at_once("auto"));
    project.run(&["inventory", "apply"]).succeeded();
    let daemon = project.daemon();
    let end = std::time::Instant::now() + crate::project::PATIENCE;
    while rotations(&project) < 2 {
        assert!(std::time::Instant::now() < end);
        std::thread::sleep(Duration::from_millis(100));
    }
    daemon.stop();
}

#[test]
fn a_span_of_zero_and_one_longer_than_a_period_are_refused_and_nothing_is_applied() {
    let project = Project::new();
    project.secrets(&due_at_once("track"));
    project.prepared();
    project.secrets(&due_at_once("auto"));
    let zero = project
        .run(&["inventory", "apply", "--spread", "0d"])
        .ended(2);
    zero.says(&["would start everything at once"]);
    let long = project.run(&["inventory", "apply", "--spread", "31d"]);
    long.ended(78).says(&[
        "inventory/test/team.toml:1:1",
        "test/one is rotated every 30d, and a spread over 31d is longer",
        "say a shorter --spread",
    ]);
    let diff = project.run(&["inventory", "diff"]).succeeded();
    diff.says(&["changes 2", "~ test/one  manage: track -> auto"]);
}
