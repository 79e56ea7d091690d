//! `max_starts_per_day`: what does not fit today starts later; people are never held.

use crate::project::Project;
use std::time::{Duration, Instant};

fn due_at_once(limit: &str) -> Project {
    let project = Project::new();
    let settings = project.read("inventory/test/environment.toml");
    let limited = settings.replace(
        "environment = \"test\"\n",
        &format!("environment = \"test\"\n{limit}"),
    );
    project.write("inventory/test/environment.toml", &limited);
    let secret = |number: i32| {
        format!(
            "[secrets.s{number}]\nissuer = {{ kind = \"random\", length = 40 }}\nin_place = \"example\"\n\
             no_consumers = \"example\"\ntiming = {{ first_due = \"2020-01-0{number}\" }}\n\
             publish_to = [{{ store = \"env\", path = \"s{number}.env\", field = \"S\" }}]\n"
        )
    };
    project.secrets(&(1..=5).map(secret).collect::<String>());
    project.prepared();
    project
}

fn published(project: &Project) -> Vec<i32> {
    let is_there = |number: &i32| project.env_value(&format!("s{number}.env"), "S").is_some();
    (1..=5).filter(is_there).collect()
}

fn until(project: &Project, wanted: &[i32]) {
    let end = Instant::now() + crate::project::PATIENCE;
    while published(project) != wanted {
        assert!(Instant::now() < end, "{:?}", published(project));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test]
async fn no_more_start_in_a_day_than_the_limit_and_the_oldest_come_first() {
    let project = due_at_once("max_starts_per_day = 2\n");
    let daemon = project.daemon();
    until(&project, &[1, 2]);
    let plan = project.run(&["plan"]).succeeded();
    plan.says(&["test/s3", "its turn: test starts"]);
    project.run(&["rotate-now", "test/s5"]).succeeded();
    until(&project, &[1, 2, 5]);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(published(&project), [1, 2, 5]);
    daemon.stop();
    let settings = project.read("inventory/test/environment.toml");
    let raised = settings.replace("max_starts_per_day = 2", "max_starts_per_day = 3");
    project.write("inventory/test/environment.toml", &raised);
    project.run(&["inventory", "apply"]).succeeded();
    let daemon = project.daemon();
    until(&project, &[1, 2, 3, 5]);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(published(&project), [1, 2, 3, 5]);
    daemon.stop();
}
