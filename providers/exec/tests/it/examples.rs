//! The example programs keep the contract, and do what they are for.

use crate::support::{config, launcher, program};
use async_trait::async_trait;
use keywheel_contract::conformance::{consumer, issuer, store};
use keywheel_contract::{
    Base, Consumer, Credential, CredentialState, Document, ErrorKind, Fields, Inspection, Issuer,
    Mark, Place, RotationId, SecretId, SecretStore, SecretValue, Tag, Write,
};
use keywheel_provider_exec::{ExecConsumer, ExecIssuer, ExecStore};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

const TOKENS: &str = "examples/plugins/token-issuer";

struct Tokens {
    issuer: ExecIssuer,
    directory: TempDir,
}

impl Tokens {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = program(TOKENS, "", directory.path());
        let config = config(&[("path", "tokens.json")]);
        let issuer = ExecIssuer::connect(program, config, launcher()).await;
        Self {
            issuer: issuer.unwrap(),
            directory,
        }
    }

    /// Uses a token as a caller of the protected service would.
    fn accepts(&self, credential: &Credential) -> bool {
        let mut service = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(TOKENS))
            .args(["accept", "tokens.json", "10.0.0.7"])
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let value = credential.fields.field("value").unwrap();
        let mut stdin = service.stdin.take().unwrap();
        stdin.write_all(value.expose_secret()).unwrap();
        drop(stdin);
        let output = service.wait_with_output().unwrap();
        let accepted = output.status.success();
        let word: &[u8] = if accepted {
            b"accepted\n"
        } else {
            b"refused\n"
        };
        assert_eq!(output.stdout, word);
        accepted
    }
}

#[async_trait]
impl issuer::IssuerHarness for Tokens {
    fn issuer(&self) -> &dyn Issuer {
        &self.issuer
    }
}

#[tokio::test]
async fn the_token_issuer_keeps_the_contract() {
    let report = issuer::suite(&Tokens::start().await).await;
    assert_eq!(report.failed(), 0, "{report}");
    assert!(report.passed() >= 9, "{report}");
}

#[tokio::test]
async fn the_token_issuer_honours_what_is_active_and_nothing_else() {
    let tokens = Tokens::start().await;
    let issuer = &tokens.issuer;
    let old = issuer.mint(&Tag::new("example-1")).await.unwrap();
    let new = issuer.mint(&Tag::new("example-2")).await.unwrap();
    assert!(tokens.accepts(&old) && tokens.accepts(&new));
    assert!(issuer.last_used(&old.id).await.unwrap().at_ms.is_some());

    issuer.disable(&old.id).await.unwrap();
    assert!(!tokens.accepts(&old) && tokens.accepts(&new));
    let refused = issuer.refused_uses(&old.id, 0).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].from, "10.0.0.7");
    assert_eq!(issuer.refused_uses(&old.id, i64::MAX).await, Ok(Vec::new()));

    issuer.enable(&old).await.unwrap();
    assert!(tokens.accepts(&old));
    issuer.revoke(&old.id).await.unwrap();
    assert!(!tokens.accepts(&old) && tokens.accepts(&new));
    assert_eq!(issuer.state(&old.id).await, Ok(CredentialState::Absent));
    let error = issuer.enable(&old).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn the_token_issuer_keeps_no_token() {
    let tokens = Tokens::start().await;
    let made = tokens.issuer.mint(&Tag::new("example")).await.unwrap();
    let kept = std::fs::read_to_string(tokens.directory.path().join("tokens.json")).unwrap();
    let value = made.fields.field("value").unwrap().expose_secret_str();
    assert!(kept.contains(made.id.as_str()) && !kept.contains(value.unwrap()));
    let again = tokens
        .issuer
        .mint(&Tag::new("example"))
        .await
        .err()
        .unwrap();
    assert!(matches!(again.kind, ErrorKind::Conflict { .. }), "{again}");
}

#[tokio::test]
async fn tokens_minted_at_once_are_all_kept() {
    let tokens = Tokens::start().await;
    let tags: Vec<Tag> = (0..4).map(|n| Tag::new(format!("example-{n}"))).collect();
    let (a, b, c, d) = tokio::join!(
        tokens.issuer.mint(&tags[0]),
        tokens.issuer.mint(&tags[1]),
        tokens.issuer.mint(&tags[2]),
        tokens.issuer.mint(&tags[3]),
    );
    for (made, tag) in [a, b, c, d].into_iter().zip(&tags) {
        assert_eq!(tokens.issuer.find(tag).await, Ok(vec![made.unwrap().id]));
    }
}

struct EnvFile {
    consumer: ExecConsumer,
    directory: TempDir,
}

impl EnvFile {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = program("examples/plugins/env-file-consumer", "", directory.path());
        let config = config(&[("path", ".env"), ("key", "TOKEN")]);
        let consumer = ExecConsumer::connect(program, config, launcher()).await;
        Self {
            consumer: consumer.unwrap(),
            directory,
        }
    }
}

#[async_trait]
impl consumer::ConsumerHarness for EnvFile {
    fn consumer(&self) -> &dyn Consumer {
        &self.consumer
    }

    fn id(&self) -> SecretId {
        "production/example".parse().unwrap()
    }

    async fn hold(&self, value: &SecretValue) -> bool {
        let text = value.expose_secret_str().unwrap();
        let content = format!("# ours\nTOKEN_OLD=x\nexport TOKEN=\"{text}\"\nOTHER=y\n");
        std::fs::write(self.directory.path().join(".env"), content).unwrap();
        true
    }

    async fn hold_nothing(&self) -> bool {
        std::fs::write(self.directory.path().join(".env"), "OTHER=y\n").unwrap();
        true
    }
}

#[tokio::test]
async fn the_env_file_consumer_keeps_the_contract() {
    let report = consumer::suite(&EnvFile::start().await).await;
    assert_eq!((report.failed(), report.skipped()), (0, 1), "{report}");
}

struct Directory {
    store: ExecStore,
    fields: Vec<String>,
    places: AtomicU32,
    directory: TempDir,
}

impl Directory {
    async fn start(fields: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = program("examples/plugins/directory-store", "", directory.path());
        let store = ExecStore::connect(program, config(&[("root", "secrets")]), launcher()).await;
        Self {
            store: store.unwrap(),
            fields: fields.iter().map(|name| (*name).to_owned()).collect(),
            places: AtomicU32::new(0),
            directory,
        }
    }

    async fn publish(&self, place: &Place, document: &Document) {
        let seen = self.store.inspect(place).await.unwrap();
        let write = Write {
            place,
            payload: &self.store.compose(place, document, &seen).await.unwrap(),
            base: &Base::from(&seen),
            mark: &Mark {
                rotation: RotationId::new("example"),
                token: format!("{:064}", seen.current.map_or(0, |id| id.as_str().len())),
            },
        };
        self.store.promote(&write).await.unwrap();
    }
}

#[async_trait]
impl store::StoreHarness for Directory {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    async fn fresh_place(&self) -> Place {
        let number = self.places.fetch_add(1, Ordering::Relaxed);
        Place {
            path: format!("example/{number}"),
            fields: self.fields.clone(),
            selector: None,
        }
    }

    async fn plant_foreign(&self, place: &Place) -> bool {
        if self.fields.is_empty() {
            return false;
        }
        let theirs = SecretValue::from("example-theirs".to_owned());
        let theirs = [("THEIRS".to_owned(), theirs)];
        self.publish(
            place,
            &Document::Fields(theirs.into_iter().collect::<Fields>()),
        )
        .await;
        true
    }

    async fn foreign_kept(&self, place: &Place) -> bool {
        let current = self.directory.path().join("secrets").join(&place.path);
        let current = std::fs::read_to_string(current.join("current")).unwrap();
        let everything: serde_json::Value = serde_json::from_str(&current).unwrap();
        everything["THEIRS"] == "example-theirs"
    }
}

#[tokio::test]
async fn the_directory_store_keeps_the_contract() {
    let report = store::suite(&Directory::start(&[]).await).await;
    assert_eq!((report.failed(), report.skipped()), (0, 2), "{report}");
    let report = store::suite(&Directory::start(&["TOKEN", "TOKEN_OLD"]).await).await;
    assert_eq!((report.failed(), report.skipped()), (0, 1), "{report}");
}

#[tokio::test]
async fn bytes_that_are_no_text_come_back() {
    let directory = Directory::start(&[]).await;
    let place = store::StoreHarness::fresh_place(&directory).await;
    let document = Document::Whole(SecretValue::new(vec![0, 255, 10, 195]));
    directory.publish(&place, &document).await;
    let Inspection { current, .. } = directory.store.inspect(&place).await.unwrap();
    let read = directory.store.read(&place, &current.unwrap()).await;
    assert!(read.unwrap().matches(&document));
}
