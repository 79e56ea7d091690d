//! The handshake over TLS: a certificate that this machine trusts is accepted, another one is not.
//!
//! What a machine trusts is read from the environment, which a test must not change in its own process; so the
//! test starts itself again with another environment and plays the consumer for it. `openssl s_server` does the
//! TLS and hands what it decrypts through its standard streams.

use super::rig::{Asking, NEW, assert_clean, credential, honest, reach, seen_at};
use keywheel::consumers::build;
use keywheel_contract::{ErrorKind, Observation, Result, Strength};
use keywheel_test_servers::counts::skipped;
use std::{env, path::Path, process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    time::sleep,
};

const ASKED_AT: &str = "KEYWHEEL_TEST_TLS_CONSUMER";

#[tokio::test]
async fn a_trusted_certificate_carries_a_proof() {
    if let Ok(url) = env::var(ASKED_AT) {
        let seen = ask(&url).await.unwrap();
        assert_eq!(
            (&seen[0].holding, seen[0].strength),
            (&credential("new"), Strength::Proven)
        );
        return;
    }
    let Some(folder) = certificate().await else {
        return;
    };
    let (url, mut server) = serve(folder.path());
    let asking = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "consumers::tls::a_trusted_certificate_carries_a_proof",
            "--nocapture",
        ])
        .env("SSL_CERT_FILE", folder.path().join("cert.pem"))
        .env_remove("SSL_CERT_DIR")
        .env(ASKED_AT, &url)
        .output();
    let (asked, ()) = tokio::join!(asking, answer(&mut server));
    let asked = asked.unwrap();
    let told = String::from_utf8_lossy(&asked.stdout) + String::from_utf8_lossy(&asked.stderr);
    assert!(
        asked.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let Some(folder) = certificate().await else {
        return;
    };
    let (url, _server) = serve(folder.path());
    let error = ask(&url).await.unwrap_err();
    assert_clean(&error);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.message.contains("its certificate is not valid"),
        "{error}"
    );
}

/// Asks once the server listens.
async fn ask(url: &str) -> Result<Vec<Observation>> {
    let consumer = build(
        &seen_at(url, 1),
        &reach().with_patience(Duration::from_secs(10)),
    )?;
    for _ in 0..200 {
        match Asking::default().ask(consumer.as_ref()).await {
            Err(error) if error.message.contains("refuses the connection") => {
                sleep(Duration::from_millis(25)).await;
            }
            told => return told,
        }
    }
    panic!("the server never listened");
}

/// A key and a certificate for 127.0.0.1, or `None` where there is no `openssl`.
async fn certificate() -> Option<TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[req]\ndistinguished_name=name\nx509_extensions=leaf\n[name]\n\
                    [leaf]\nbasicConstraints=critical,CA:FALSE\nsubjectAltName=IP:127.0.0.1\n";
    std::fs::write(folder.path().join("settings"), settings).unwrap();
    let made = Command::new("openssl")
        .current_dir(folder.path())
        .args([
            "req",
            "-x509",
            "-config",
            "settings",
            "-subj",
            "/CN=example",
            "-days",
            "2",
            "-nodes",
        ])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .output()
        .await;
    let Ok(made) = made else {
        skipped("openssl is not installed");
        return None;
    };
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    Some(folder)
}

fn serve(folder: &Path) -> (String, Child) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let server = Command::new("openssl")
        .current_dir(folder)
        .args(["s_server", "-quiet", "-cert", "cert.pem", "-key", "key.pem"])
        .args(["-accept", &address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    (format!("https://{address}"), server)
}

/// Answers one question as a consumer that holds the new value.
async fn answer(server: &mut Child) {
    let mut requests = BufReader::new(server.stdout.take().unwrap());
    let mut length = 0;
    let mut line = String::new();
    while requests.read_line(&mut line).await.unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    requests.read_exact(&mut body).await.unwrap();
    let reply = honest(&serde_json::from_slice(&body).unwrap(), "one", NEW).to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
    let mut replies = server.stdin.take().unwrap();
    replies
        .write_all(format!("{head}{reply}").as_bytes())
        .await
        .unwrap();
    replies.flush().await.unwrap();
    // Closing the stream would end the server before the answer is through.
    server.stdin = Some(replies);
}
