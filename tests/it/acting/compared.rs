//! `inventory diff OLD NEW`: what a change would do, from two folders and no journal.

use super::rig::Rig;
use std::fs;

#[test]
fn two_folders_are_compared_without_a_journal_and_what_gets_weaker_is_named() {
    let rig = Rig::starter();
    for side in ["old", "new"] {
        for file in [
            "keywheel.toml",
            "inventory/shared.toml",
            "inventory/development/environment.toml",
            "inventory/development/example.toml",
        ] {
            rig.write(&format!("{side}/{file}"), &rig.read(file));
        }
    }
    fs::remove_file(rig.path().join("keywheel.db")).unwrap();
    fs::remove_file(rig.path().join("keywheel.toml")).unwrap();
    let compare = || rig.ok(&["inventory", "diff", "old", "new"]).out;
    let same = compare();
    let file = "new/inventory/development/example.toml";
    let changed = rig
        .read(file)
        .replace("length = 48", "length = 64")
        .replace("proof  = \"delivered\"", "");
    let (secret, _) = changed.split_once("# The example opens").unwrap();
    let added = "no_consumers = \"a test\"\n[secrets.second]\nissuer = { kind = \"random\", length = 40 }\n\
         publish_to = [{ store = \"folders\", path = \"second\" }]\nno_consumers = \"a test\"\nin_place = \"a test\"\n";
    rig.write(file, &format!("{secret}{added}"));
    let text = compare();
    assert_ne!(same, text);
    for line in [
        "+ development/second",
        "~ development/example-token  issuer.options.length: 48 -> 64",
        "! development/example-token  consumer example is removed",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert_eq!(same.trim(), "no difference");
    assert!(!rig.path().join("old/keywheel.db").exists());
    rig.write(file, "[secrets.second]\nisuer = 1\n");
    let broken = rig.run(&["inventory", "diff", "old", "new"]);
    assert_eq!(broken.code, 78, "{}", broken.err);
    assert!(broken.err.contains("example.toml:"), "{}", broken.err);
}
