//! The store on a real folder: what consumers can open, and what a crash or a stranger leaves behind.

use super::{FilesOptions, FilesStore};
use keywheel_contract::{
    Base, Document, ErrorKind, Fields, Found, Mark, Place, Result, Retired, RotationId,
    SecretStore, SecretValue, VersionId, Write,
};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

struct Bench {
    root: TempDir,
    store: FilesStore,
}

impl Bench {
    fn new() -> Self {
        Self::with(FilesOptions::default())
    }

    fn with(options: FilesOptions) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = FilesStore::new(options, root.path().to_owned()).unwrap();
        Self { root, store }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    async fn send(
        &self,
        place: &Place,
        value: &str,
        base: &Base,
        token: char,
    ) -> Result<VersionId> {
        let payload = SecretValue::from(value.to_owned());
        let mark = mark(token);
        let write = Write {
            place,
            payload: &payload,
            base,
            mark: &mark,
        };
        self.store.promote(&write).await
    }

    async fn publish(&self, place: &Place, value: &str, token: char) -> VersionId {
        let base = Base::from(&self.store.inspect(place).await.unwrap());
        self.send(place, value, &base, token).await.unwrap()
    }

    async fn find(&self, token: char) -> Found {
        let unused = SecretValue::new(Vec::new());
        self.store
            .find(&whole(), &mark(token), &unused)
            .await
            .unwrap()
    }
}

fn mark(token: char) -> Mark {
    Mark {
        rotation: RotationId::new("example"),
        token: token.to_string().repeat(64),
    }
}

fn whole() -> Place {
    Place {
        path: "team/api".to_owned(),
        fields: Vec::new(),
        selector: None,
    }
}

fn of_fields(names: &[&str]) -> Place {
    Place {
        fields: names.iter().map(|name| (*name).to_owned()).collect(),
        ..whole()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_consumer_opens_one_name_for_ever() {
    let bench = Bench::new();
    for (value, token) in [("example-1", 'a'), ("example-2\n", 'b')] {
        bench.publish(&whole(), value, token).await;
        let seen = fs::read_to_string(bench.path("team/api/current")).unwrap();
        assert_eq!(seen, value);
    }
    let place = Place {
        path: "team/db".to_owned(),
        ..of_fields(&["USER", "PASSWORD"])
    };
    bench
        .publish(&place, r#"{"PASSWORD":"example","USER":"app"}"#, 'c')
        .await;
    let user = fs::read_to_string(bench.path("team/db/current/USER")).unwrap();
    assert_eq!(user, "app");
}

#[tokio::test]
async fn rights_are_exact_and_follow_to_the_folders() {
    let bench = Bench::new();
    bench.publish(&whole(), "example", 'a').await;
    assert_eq!(mode(&bench.path("team/api/current")), 0o600);
    assert_eq!(mode(&bench.path("team")), 0o700);
    assert_eq!(mode(&bench.path("team/api/.lock")), 0o600);

    let group = fs::metadata(bench.root.path()).unwrap().gid();
    let shared = Bench::with(FilesOptions {
        group: Some(group.to_string()),
        mode: Some("0640".to_owned()),
        ..FilesOptions::default()
    });
    shared
        .publish(&of_fields(&["A"]), r#"{"A":"example"}"#, 'a')
        .await;
    assert_eq!(mode(&shared.path("team/api/current/A")), 0o640);
    for folder in ["team", "team/api", "team/api/current"] {
        assert_eq!(mode(&shared.path(folder)), 0o750, "{folder}");
    }
    let given = fs::metadata(shared.path("team/api/current/A")).unwrap();
    assert_eq!(given.gid(), group);
}

#[tokio::test]
async fn of_concurrent_publishers_one_wins() {
    let bench = Bench::new();
    bench.publish(&whole(), "example-0", '0').await;
    let base = Base::from(&bench.store.inspect(&whole()).await.unwrap());
    let bench = std::sync::Arc::new(bench);
    let publishers: Vec<_> = "123456789abcdef"
        .chars()
        .map(|token| {
            let (bench, base) = (bench.clone(), base.clone());
            tokio::spawn(async move { bench.send(&whole(), "example", &base, token).await })
        })
        .collect();
    let mut won = 0;
    for publisher in publishers {
        match publisher.await.unwrap() {
            Ok(version) => {
                won += 1;
                assert_eq!(version.as_str(), "v2");
            }
            Err(error) => assert!(matches!(error.kind, ErrorKind::Conflict { .. }), "{error}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(bench.store.list(&whole()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_crash_left_is_ignored_and_removed() {
    let bench = Bench::new();
    bench.publish(&whole(), "example-1", 'a').await;
    let folder = bench.path("team/api");
    fs::write(folder.join(".next"), "exam").unwrap();
    fs::create_dir(folder.join(".gone")).unwrap();
    fs::write(folder.join(".gone/FIELD"), "example").unwrap();
    symlink("v9.x", folder.join(".current")).unwrap();
    assert_eq!(bench.store.list(&whole()).await.unwrap().len(), 1);
    assert_eq!(
        bench.publish(&whole(), "example-2", 'b').await.as_str(),
        "v2"
    );
    for leftover in [".next", ".gone", ".current"] {
        assert!(
            fs::symlink_metadata(folder.join(leftover)).is_err(),
            "{leftover}"
        );
    }
}

/// Cut off between the two renames: the version is whole, the link still names the old one.
#[tokio::test]
async fn a_write_cut_off_before_the_swap_is_finished_by_itself() {
    let bench = Bench::new();
    bench.publish(&whole(), "example-1", 'a').await;
    let old = fs::read_link(bench.path("team/api/current")).unwrap();
    bench.publish(&whole(), "example-2", 'b').await;
    fs::remove_file(bench.path("team/api/current")).unwrap();
    symlink(old, bench.path("team/api/current")).unwrap();

    assert_eq!(bench.find('b').await, Found::Staged(VersionId::new("v2")));
    let seen = bench.store.inspect(&whole()).await.unwrap();
    assert!(seen.warnings[0].contains("`v2`"));
    assert_eq!(
        bench.publish(&whole(), "example-2", 'b').await.as_str(),
        "v2"
    );
    assert_eq!(bench.find('b').await, Found::Current(VersionId::new("v2")));
    assert_eq!(bench.store.list(&whole()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_number_of_a_destroyed_candidate_is_not_given_again() {
    let bench = Bench::new();
    bench.publish(&whole(), "example-1", 'a').await;
    let old = fs::read_link(bench.path("team/api/current")).unwrap();
    let candidate = bench.publish(&whole(), "example-2", 'b').await;
    fs::remove_file(bench.path("team/api/current")).unwrap();
    symlink(old, bench.path("team/api/current")).unwrap();

    let gone = bench.store.destroy(&whole(), &candidate).await.unwrap();
    assert_eq!(gone, Retired::Destroyed);
    assert_eq!(
        bench.publish(&whole(), "example-3", 'c').await.as_str(),
        "v3"
    );
}

#[tokio::test]
async fn one_mark_never_means_two_values() {
    let bench = Bench::new();
    bench.publish(&whole(), "example-1", 'a').await;
    let error = bench
        .send(&whole(), "example-2", &Base::default(), 'a')
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_disabled_version_is_out_of_reach_and_its_content_stays() {
    let bench = Bench::new();
    let old = bench.publish(&whole(), "example-1", 'a').await;
    bench.publish(&whole(), "example-2", 'b').await;
    let name = format!("v1.{}", "a".repeat(64));
    bench.store.disable(&whole(), &old).await.unwrap();
    assert!(!bench.path("team/api").join(&name).exists());
    assert_eq!(mode(&bench.path("team/api/.disabled")), 0o700);
    let kept = fs::read_to_string(bench.path("team/api/.disabled").join(&name)).unwrap();
    assert_eq!(kept, "example-1");
    let gone = bench.store.destroy(&whole(), &old).await.unwrap();
    assert_eq!(gone, Retired::Destroyed);
    assert!(!bench.path("team/api/.disabled").join(&name).exists());
}

#[tokio::test]
async fn the_current_version_is_not_disabled() {
    let bench = Bench::new();
    let current = bench.publish(&whole(), "example", 'a').await;
    let error = bench.store.disable(&whole(), &current).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Conflict { .. }));
}

#[tokio::test]
async fn fields_of_other_secrets_move_along() {
    let bench = Bench::new();
    bench
        .publish(&of_fields(&["THEIRS"]), r#"{"THEIRS":"example-t"}"#, 'a')
        .await;
    let ours = of_fields(&["OURS"]);
    let seen = bench.store.inspect(&ours).await.unwrap();
    let value = SecretValue::from("example-o".to_owned());
    let document = Document::Fields(Fields::from_iter([("OURS".to_owned(), value)]));
    let payload = bench.store.compose(&ours, &document, &seen).await.unwrap();
    let text = payload.expose_secret_str().unwrap().to_owned();
    let version = bench.publish(&ours, &text, 'b').await;
    assert!(
        bench
            .store
            .read(&ours, &version)
            .await
            .unwrap()
            .matches(&document)
    );
    let theirs = fs::read_to_string(bench.path("team/api/current/THEIRS")).unwrap();
    assert_eq!(theirs, "example-t");
}

#[tokio::test]
async fn a_link_out_of_the_root_is_refused() {
    let (bench, outside) = (Bench::new(), tempfile::tempdir().unwrap());
    fs::create_dir(bench.path("team")).unwrap();
    symlink(outside.path(), bench.path("team/api")).unwrap();
    let inspected = bench.store.inspect(&whole()).await.unwrap_err();
    assert_eq!(inspected.kind, ErrorKind::Denied);
    let sent = bench.send(&whole(), "example", &Base::default(), 'a').await;
    assert_eq!(sent.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_version_that_was_replaced_by_a_link_is_not_read() {
    let bench = Bench::new();
    let version = bench.publish(&whole(), "example", 'a').await;
    let file = fs::canonicalize(bench.path("team/api/current")).unwrap();
    fs::remove_file(&file).unwrap();
    symlink("/etc/hostname", &file).unwrap();
    let error = bench.store.read(&whole(), &version).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Denied);
}

#[tokio::test]
async fn names_that_would_leave_the_place_or_collide_are_refused() {
    let bench = Bench::new();
    let reserved = format!("a/v1.{}", "a".repeat(64));
    for path in [
        "../x",
        "/x",
        "a/../b",
        "a/.disabled",
        "current",
        "",
        &reserved,
    ] {
        let place = Place {
            path: path.to_owned(),
            ..whole()
        };
        let error = bench.store.inspect(&place).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{path}");
    }
    for field in ["a/b", "..", "", ".x"] {
        let error = bench.store.inspect(&of_fields(&[field])).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{field}");
    }
    let (place, base) = (of_fields(&["A"]), Base::default());
    let sent = bench
        .send(&place, r#"{"../A":"example"}"#, &base, 'a')
        .await;
    assert_eq!(sent.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn discovery_tells_every_place_and_no_value() {
    let bench = Bench::new();
    bench.publish(&whole(), "example-value", 'a').await;
    let place = Place {
        path: "prod/orders/db".to_owned(),
        fields: vec!["LOGIN".to_owned(), "PASSWORD".to_owned()],
        selector: None,
    };
    let fields = [("LOGIN", "example"), ("PASSWORD", "example-value")];
    let fields = fields.map(|(name, value)| (name.to_owned(), SecretValue::from(value.to_owned())));
    let document = Document::Fields(fields.into_iter().collect());
    let payload = document.encode().unwrap();
    let (base, mark) = (Base::default(), mark('b'));
    let write = Write {
        place: &place,
        payload: &payload,
        base: &base,
        mark: &mark,
    };
    bench.store.promote(&write).await.unwrap();
    fs::create_dir(bench.path("empty")).unwrap();
    symlink(bench.root.path(), bench.path("again")).unwrap();
    let page = bench.store.discover(None).await.unwrap();
    let mut seen: Vec<_> = page
        .entries
        .iter()
        .map(|one| (one.path.as_str(), one.fields.join(" ")))
        .collect();
    seen.sort();
    let whole = whole();
    let mut expected = vec![
        (whole.path.as_str(), String::new()),
        ("prod/orders/db", "LOGIN PASSWORD".to_owned()),
    ];
    expected.sort();
    assert_eq!(seen, expected);
    assert!(page.next.is_none() && page.entries.iter().all(|one| one.written_at_ms.is_some()));
}
