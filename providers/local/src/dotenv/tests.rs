//! The store on real files, and the text against a parser that is not ours.

use super::text::Text;
use super::{DotenvOptions, DotenvStore};
use keywheel_contract::{
    Base, Document, ErrorKind, Fields, FingerprintKey, Inspection, Mark, Place, Result, Retired,
    RotationId, SecretStore, SecretValue, VersionId, Write,
};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

struct Bench {
    root: TempDir,
    store: DotenvStore,
}

impl Bench {
    fn new(text: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".env"), text).unwrap();
        let key = FingerprintKey::new(&SecretValue::new(vec![7; 32]));
        let path = root.path().to_owned();
        let store = DotenvStore::new(path, Arc::new(key));
        Self { root, store }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join(".env")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    async fn publish(&self, pairs: &[(&str, &str)]) -> Result<VersionId> {
        let place = place(pairs.iter().map(|(key, _)| *key));
        let seen = self.store.inspect(&place).await?;
        self.send(&place, pairs, &seen).await
    }

    async fn send(
        &self,
        place: &Place,
        pairs: &[(&str, &str)],
        seen: &Inspection,
    ) -> Result<VersionId> {
        let document = Document::Fields(fields(pairs));
        let payload = self.store.compose(place, &document, seen).await?;
        let mark = Mark {
            rotation: RotationId::new("example"),
            token: "a".repeat(64),
        };
        let write = Write {
            place,
            payload: &payload,
            base: &Base::from(seen),
            mark: &mark,
        };
        self.store.promote(&write).await
    }
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let owned =
        |(key, value): &(&str, &str)| ((*key).to_owned(), SecretValue::from((*value).to_owned()));
    pairs.iter().map(owned).collect()
}

fn place<'a>(keys: impl Iterator<Item = &'a str>) -> Place {
    Place {
        path: ".env".to_owned(),
        fields: keys.map(str::to_owned).collect(),
        selector: None,
    }
}

fn value_of(text: &str, key: &str) -> Option<String> {
    let found = Text::parse(text.as_bytes())
        .fields(&[key.to_owned()])
        .unwrap();
    found
        .field(key)
        .map(|value| value.expose_secret_str().unwrap().to_owned())
}

/// What a shell makes of the file.
fn shell_value(folder: &TempDir, text: &[u8], key: &str) -> Vec<u8> {
    fs::write(folder.path().join("env"), text).unwrap();
    let script = format!("set -a; . ./env; printf %s \"${key}\"");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

#[tokio::test]
async fn every_other_byte_stays() {
    let before = "\u{feff}# top\r\n\r\nexport  API_KEY = \"old\"  # comment\r\nOTHER='x y\r\nz'\r\nnot a line\r\n \
                  URL=http://a/#b\r\n#API_KEY=off\r\nLAST=1";
    let bench = Bench::new(before);
    bench
        .publish(&[("API_KEY", "example-1"), ("NEW", "a b")])
        .await
        .unwrap();
    let after = before.replace("\"old\"", "'example-1'") + "\r\nNEW='a b'\r\n";
    assert_eq!(bench.text(), after);
}

#[test]
fn values_are_read_in_every_form() {
    let text = "A=bare # no\nB=b#c\nC='s # $x'\nD=\"d\\\"\\n\\$e\"\nE=\nF= # only a comment\nG = spaced \n\
                export H='two\nlines'\nI=it's\nJ=\"\" # empty\nno\n=none\n#Z=off\n";
    for (key, value) in [
        ("A", "bare"),
        ("B", "b#c"),
        ("C", "s # $x"),
        ("D", "d\"\n$e"),
        ("E", ""),
        ("F", ""),
        ("G", "spaced"),
        ("H", "two\nlines"),
        ("I", "it's"),
        ("J", ""),
    ] {
        assert_eq!(value_of(text, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(value_of(text, "Z"), None);
}

#[test]
fn an_empty_value_is_filled_where_it_stands() {
    for (before, after) in [
        ("A=\n", "A=v1\n"),
        ("A= # c\n", "A=v1 # c\n"),
        ("A=''\n", "A='v1'\n"),
    ] {
        let written = Text::parse(before.as_bytes())
            .with(&fields(&[("A", "v1")]))
            .unwrap();
        assert_eq!(written.expose_secret_str(), Some(after));
    }
}

#[test]
fn what_readers_would_disagree_on_is_refused_with_its_lines() {
    for (text, said) in [
        ("A=1\nB=2\nexport A=3\n", "lines 1 and 3"),
        ("B='x\nA=1\n'\nA=2\n", "lines 2 and 4"),
        ("B='x\nA=1\n'\n", "lines 2"),
        ("\nA='x\n", "line 2"),
        ("A='x'y\n", "closing quote"),
        ("A='x''y'\n", "closing quote"),
    ] {
        let error = Text::parse(text.as_bytes())
            .fields(&["A".to_owned()])
            .err()
            .unwrap();
        assert!(
            error.kind == ErrorKind::Invalid && error.message.contains(said),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_equal_value_is_not_rewritten() {
    let bench = Bench::new("A=\"example\"\nB=1\n");
    bench
        .publish(&[("A", "example"), ("B", "2")])
        .await
        .unwrap();
    assert_eq!(bench.text(), "A=\"example\"\nB=2\n");
}

#[tokio::test]
async fn a_change_of_our_keys_is_a_conflict_and_one_of_others_is_not() {
    let bench = Bench::new("A=1\nB=2\n");
    let place = place(["A"].into_iter());
    let seen = bench.store.inspect(&place).await.unwrap();
    fs::write(bench.path(), "A=1\nB=3\n").unwrap();
    bench.send(&place, &[("A", "2")], &seen).await.unwrap();
    assert_eq!(bench.text(), "A=2\nB=3\n");
    let error = bench.send(&place, &[("A", "3")], &seen).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Conflict { seen: Some(_) }));
}

#[tokio::test]
async fn of_concurrent_publishers_one_wins() {
    let bench = Arc::new(Bench::new("A=0\n"));
    let place = place(["A"].into_iter());
    let seen = bench.store.inspect(&place).await.unwrap();
    let publishers: Vec<_> = (1..12)
        .map(|number| {
            let (bench, place, seen) = (bench.clone(), place.clone(), seen.clone());
            tokio::spawn(async move {
                bench
                    .send(&place, &[("A", &number.to_string())], &seen)
                    .await
            })
        })
        .collect();
    let mut won = 0;
    for publisher in publishers {
        match publisher.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert!(matches!(error.kind, ErrorKind::Conflict { .. }), "{error}"),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_value_no_longer_in_the_file_is_destroyed() {
    let bench = Bench::new("");
    let old = bench.publish(&[("A", "example-1")]).await.unwrap();
    assert!(old.as_str().starts_with("fp-") && old.as_str().len() == 15);
    let place = place(["A"].into_iter());
    assert!(bench.store.destroy(&place, &old).await.is_err());
    bench.publish(&[("A", "example-2")]).await.unwrap();
    assert_eq!(
        bench.store.destroy(&place, &old).await.unwrap(),
        Retired::Destroyed
    );
    assert_eq!(
        bench.store.disable(&place, &old).await.unwrap(),
        Retired::Impossible
    );
}

#[tokio::test]
async fn a_person_is_warned() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new("B=1\nA=x$y\n");
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir(bench.root.path().join(".git")).unwrap();
    let seen = bench
        .store
        .inspect(&place(["A"].into_iter()))
        .await
        .unwrap();
    for said in ["line 2", "everybody", ".gitignore"] {
        assert!(
            seen.warnings.iter().any(|warning| warning.contains(said)),
            "{said}"
        );
    }
}

#[test]
fn the_keys_are_the_fields() {
    assert_eq!(DotenvOptions::KEYS, ["root"]);
    assert!(toml::from_str::<DotenvOptions>("root = 'app'").is_ok());
    assert!(toml::from_str::<DotenvOptions>("root = 'app'\nmode = '0600'").is_err());
}

#[tokio::test]
async fn keys_that_are_no_variables_are_refused() {
    let bench = Bench::new("");
    for key in ["", "1A", "A-B", "A=B", "A B", "A\nB", "é"] {
        let error = bench.publish(&[(key, "example")]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{key}");
    }
    assert!(bench.store.inspect(&place([].into_iter())).await.is_err());
    assert!(bench.publish(&[("A", "example\0")]).await.is_err());
}

#[tokio::test]
async fn discovery_tells_keys_and_no_piece_of_a_value() {
    let bench = Bench::new("# c\n\nexport B='1\nC=2'\nA=x\n");
    let write = |name: &str, text: &str| fs::write(bench.root.path().join(name), text).unwrap();
    write(
        "broken.env",
        "KEY=-----BEGIN EXAMPLE-----\nexample\nEXAMPLEPIECE==\n",
    );
    write("open.env", "KEY=\"example\nEXAMPLEPIECE=\n");
    write("notes.txt", "D=1\n");
    let page = bench.store.discover(None).await.unwrap();
    let file = bench.path();
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut seen: Vec<_> = page
        .entries
        .iter()
        .map(|one| (one.path.as_str(), one.fields.join(" ")))
        .collect();
    seen.sort();
    let mut expected = vec![
        (name, "A B".to_owned()),
        ("broken.env", String::new()),
        ("open.env", String::new()),
    ];
    expected.sort();
    assert_eq!(seen, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_value_comes_back_and_a_shell_agrees(
        value in "[a-zA-Z0-9 '\"\\\\$`#=\n\té✓(){}!*~;&|<>-]{0,24}",
        line in "(A|export A)=(|old|'o l d'|\"o\\\\\"ld\")( # c)?\n",
    ) {
        let text = format!("FIRST=1\n{line}LAST='2'\n");
        let written = Text::parse(text.as_bytes()).with(&fields(&[("A", &value)])).unwrap();
        let now = written.expose_secret_str().unwrap();
        prop_assert_eq!(value_of(now, "A"), Some(value.clone()));
        let kept = now.starts_with("FIRST=1\n") && now.ends_with("LAST='2'\n");
        prop_assert!(kept && value_of(now, "LAST").as_deref() == Some("2"));
        let folder = tempfile::tempdir().unwrap();
        prop_assert_eq!(shell_value(&folder, written.expose_secret(), "A"), value.as_bytes());
    }

    #[test]
    fn any_bytes_are_parsed_and_kept(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
        let written = Text::parse(&bytes).with(&fields(&[("KEY", "v1")])).unwrap();
        prop_assert!(written.expose_secret().starts_with(&bytes));
        prop_assert!(written.expose_secret().ends_with(b"KEY=v1\n") || bytes.contains(&b'\r'));
    }
}
