//! A store `files` that has been in use for a while.

use crate::project::Project;

/// What every value of these tests contains, so that one search finds all of them.
pub(super) const CANARY: &str = "example-canary-in-use-before-keywheel";

/// Puts a value into a place as the store keeps it.
pub(super) fn put(project: &Project, path: &str, value: &str) {
    let version = format!("v1.{}", "0".repeat(64));
    project.write(&format!("published/{path}/{version}"), value);
    let link = project.path(&format!("published/{path}/current"));
    std::os::unix::fs::symlink(version, link).unwrap();
}

/// The same for a place with fields.
pub(super) fn put_fields(project: &Project, path: &str, fields: &[&str]) {
    let version = format!("v1.{}", "0".repeat(64));
    for field in fields {
        let value = format!("{CANARY}-{field}");
        project.write(&format!("published/{path}/{version}/{field}"), &value);
    }
    let link = project.path(&format!("published/{path}/current"));
    std::os::unix::fs::symlink(version, link).unwrap();
}

/// A project with seal key and journal, whose store `files` holds a value at each path.
pub(super) fn holding(paths: &[&str]) -> Project {
    let project = Project::new();
    for path in paths {
        put(&project, path, &format!("{CANARY}-{path}"));
    }
    project.prepared();
    project
}
