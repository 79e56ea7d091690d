//! What `keywheel init` writes: an inventory with one secret that can be rotated at once, on this machine.

/// Path, relative to the new folder, and text of each file.
pub fn starter() -> [(&'static str, &'static str); 6] {
    [
        ("keywheel.toml", include_str!("starter/keywheel.toml")),
        ("inventory/shared.toml", include_str!("starter/shared.toml")),
        (
            "inventory/development/environment.toml",
            include_str!("starter/environment.toml"),
        ),
        (
            "inventory/development/example.toml",
            include_str!("starter/example.toml"),
        ),
        (".gitignore", include_str!("starter/gitignore")),
        (
            "published/.gitignore",
            include_str!("starter/published_gitignore"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::starter;
    use crate::config::Config;

    #[test]
    fn the_starter_is_an_inventory_without_problems_or_warnings() {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in starter() {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let config = Config::load(&folder.path().join("keywheel.toml"))
            .ok()
            .unwrap();
        let snapshot = read(&config).unwrap();
        assert_eq!(snapshot.definitions.len(), 1);
        assert_eq!(snapshot.warnings, []);
        assert_eq!(snapshot.files.len(), 4);
    }

    #[test]
    fn git_never_sees_key_or_journal() {
        let files = starter();
        let ignored = files
            .iter()
            .find(|(path, _)| *path == ".gitignore")
            .unwrap()
            .1;
        for line in ["seal.key", "keywheel.db*", "example.env"] {
            assert!(ignored.lines().any(|ignored| ignored == line), "{line}");
        }
    }
}
