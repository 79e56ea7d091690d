//! Telling a consumer, bearer tokens, programs, and what each way can do.

use super::{
    rig::{Asking, CONSUMER, DESTINATION, ID, assert_clean, reach, seen_at, told_at, with_verify},
    server::{Reply, serve},
};
use async_trait::async_trait;
use keywheel::{
    config::Hosts,
    consumers::{Reach, SystemNames, build},
    inventory::{ConsumerSpec, NotifySpec, Reference, VerifySpec},
};
use keywheel_contract::{
    Consumer, ConsumerCapabilities, Error, ErrorKind, Holding, Notice, Observation, Question,
    Result, RotationId, Strength, VersionId,
};
use serde_json::json;
use std::sync::{Arc, Mutex};

fn notice() -> Notice {
    Notice {
        id: ID.parse().unwrap(),
        consumer: CONSUMER.to_owned(),
        destination: DESTINATION.to_owned(),
        version: VersionId::new("v2"),
        credential: None,
        rotation: RotationId::new("rotation-1"),
    }
}

async fn tell(spec: &ConsumerSpec) -> Result<()> {
    build(spec, &reach())?.notify(&notice()).await
}

#[tokio::test]
async fn a_notice_says_what_changed_and_shows_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "example-token\n").unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let url = serve(move |request| {
        kept.lock().unwrap().push(request);
        Reply::status("204 No Content", "", "")
    })
    .await;
    let bearer = Reference::File(path.display().to_string());
    tell(&told_at(&url, Some(bearer))).await.unwrap();
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].head.starts_with("POST /-/reload HTTP/1.1"));
    assert_eq!(
        requests[0].header("authorization"),
        Some("Bearer example-token")
    );
    assert_eq!(
        requests[0].json(),
        json!({
            "id": ID,
            "destination": DESTINATION,
            "consumer": CONSUMER,
            "version": "v2",
            "rotation": "rotation-1",
        })
    );
}

#[tokio::test]
async fn a_token_from_the_environment_is_sent_and_a_missing_one_told() {
    let url = serve(|request| match request.header("authorization") {
        Some("Bearer keywheel") => Reply::ok(""),
        _ => Reply::status("401 Unauthorized", "", ""),
    })
    .await;
    // Cargo sets this one for every test.
    tell(&told_at(
        &url,
        Some(Reference::Env("CARGO_PKG_NAME".to_owned())),
    ))
    .await
    .unwrap();
    let error = tell(&told_at(&url, None)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let missing = Reference::Env("KEYWHEEL_EXAMPLE_THAT_IS_NOT_SET".to_owned());
    let error = tell(&told_at(&url, Some(missing))).await.unwrap_err();
    assert!(error.message.contains("is not set"), "{error}");
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_told_without_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let bearer = || Some(Reference::File(path.display().to_string()));
    let url = serve(|_| panic!("nothing should be sent")).await;
    for (content, says) in [
        ("\n", "is empty"),
        ("canary\r\ncanary", "no header may hold"),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = tell(&told_at(&url, bearer())).await.unwrap_err();
        assert_clean(&error);
        assert!(error.message.contains(says), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = tell(&told_at(&url, bearer())).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_notice_that_failed_may_be_sent_again() {
    for reply in ["500 Oops", "302 Found", "404 Not Found"] {
        let url = serve(move |_| Reply::status(reply, "Location: /\r\n", "<html>canary")).await;
        let error = tell(&told_at(&url, None)).await.unwrap_err();
        assert_clean(&error);
        assert_eq!(error.kind, ErrorKind::Unavailable, "{reply}");
    }
}

#[tokio::test]
async fn each_way_says_what_it_can_do() {
    let strongest = |spec: &ConsumerSpec| build(spec, &reach()).unwrap().capabilities();
    let nothing = strongest(&with_verify(
        VerifySpec::None {
            why: "a test".to_owned(),
        },
        1,
    ));
    let expected = ConsumerCapabilities {
        strongest: None,
        notifies: false,
        host_bound: false,
    };
    assert_eq!(nothing, expected);
    let http = strongest(&seen_at("http://127.0.0.1:9", 1));
    let expected = ConsumerCapabilities {
        strongest: Some(Strength::Proven),
        notifies: false,
        host_bound: true,
    };
    assert_eq!(http, expected);
    let told = strongest(&told_at("http://127.0.0.1:9", None));
    let expected = ConsumerCapabilities {
        strongest: None,
        notifies: true,
        host_bound: true,
    };
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_consumer_that_cannot_be_seen_gives_no_evidence() {
    let spec = with_verify(
        VerifySpec::None {
            why: "a test".to_owned(),
        },
        1,
    );
    let consumer = build(&spec, &reach()).unwrap();
    assert_eq!(
        Asking::default().ask(consumer.as_ref()).await,
        Ok(Vec::new())
    );
    consumer.notify(&notice()).await.unwrap();
}

/// A program that counts its notices and sees one instance.
struct Program(Mutex<u32>);

#[async_trait]
impl Consumer for Program {
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities {
            strongest: Some(Strength::Claimed),
            notifies: true,
            host_bound: true,
        }
    }

    async fn notify(&self, _notice: &Notice) -> Result<()> {
        *self.0.lock().unwrap() += 1;
        Ok(())
    }

    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        Ok(vec![Observation {
            instance: question.consumer.to_owned(),
            holding: Holding::Other,
            strength: Strength::Claimed,
            started_at_ms: None,
            seen_at_ms: None,
            detail: "example".to_owned(),
        }])
    }
}

#[tokio::test]
async fn a_program_is_found_by_its_name_and_used_for_both_halves() {
    let program = Arc::new(Program(Mutex::new(0)));
    let declared: Arc<dyn Consumer> = Arc::<Program>::clone(&program);
    let programs = move |name: &str| match name {
        "check-app" => Ok(Arc::clone(&declared)),
        other => Err(Error::not_found(format!(
            "no program {other} in keywheel.toml"
        ))),
    };
    let reach = Reach::new(
        "production",
        Hosts::default(),
        Arc::new(SystemNames),
        Arc::new(programs),
    )
    .unwrap();
    let spec = |name: &str| ConsumerSpec {
        notify: NotifySpec::Exec {
            program: name.to_owned(),
        },
        ..with_verify(
            VerifySpec::Exec {
                program: name.to_owned(),
            },
            1,
        )
    };
    let consumer = build(&spec("check-app"), &reach).unwrap();
    consumer.notify(&notice()).await.unwrap();
    assert_eq!(*program.0.lock().unwrap(), 1);
    assert_eq!(
        Asking::default().ask(consumer.as_ref()).await.unwrap()[0].instance,
        CONSUMER
    );
    assert_eq!(consumer.capabilities(), program.capabilities());
    let unknown = build(&spec("other"), &reach).err().unwrap();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
}
