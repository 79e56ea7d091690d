//! No password reaches the server's log, with every statement logged, nor ours.

use crate::rig::{OLD, Rig, servers, texts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use keywheel_contract::Issuer as _;
use keywheel_test_servers::logs::Log;

/// The ways in which a password of letters and digits could be written down: as it is, escaped byte by byte, as hex, and
/// as base64 at each of its three offsets. Quotes and URLs leave letters and digits as they are.
fn spellings(password: &str) -> Vec<String> {
    let bytes = password.as_bytes();
    let octal = bytes.iter().map(|byte| format!("\\{byte:03o}"));
    let unicode = bytes.iter().map(|byte| format!("\\u{byte:04x}"));
    let mut all = vec![
        password.to_owned(),
        octal.collect(),
        unicode.collect(),
        hex::encode(bytes),
        hex::encode_upper(bytes),
    ];
    for (offset, first) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&vec![0; offset][..], bytes].concat();
        let whole = padded.len() / 3 * 4;
        all.push(STANDARD_NO_PAD.encode(&padded)[first..whole].to_owned());
    }
    all
}

#[tokio::test]
async fn no_password_is_in_any_log() {
    let log = Log::of_every_thread();
    for server in servers() {
        let rig = Rig::new(server, "quiet").await;
        let mut passwords = Vec::new();
        let (mut current, mut first) = (rig.old(), true);
        for run in 1..=4 {
            let new = rig.rotate(&current.id, &format!("keywheel-r{run}-1")).await;
            assert!(rig.lets_in(&new).await);
            rig.issuer.disable(&current.id).await.unwrap();
            rig.issuer.revoke(&current.id).await.unwrap();
            assert!(!rig.lets_in(&current).await);
            rig.issuer.end_sessions(&current.id).await.unwrap();
            passwords.push(texts(&new).1);
            if !first {
                rig.issuer
                    .apply(&keywheel_contract::Tag::new("keywheel-r0-1"), &current)
                    .await
                    .unwrap_err();
            }
            (current, first) = (new, false);
        }
        let (theirs, ours) = (server.log(), log.text());
        assert!(theirs.contains("ALTER ROLE \"quiet_b\" LOGIN PASSWORD E'SCRAM-SHA-256$4096:"));
        // The test's own setting of the first password is there: what is logged would be found.
        assert!(theirs.contains(&spellings(OLD)[0]));
        for password in &passwords {
            for spelling in spellings(password) {
                assert!(!theirs.contains(&spelling), "in the server's log");
                assert!(!ours.contains(&spelling), "in ours");
            }
        }
        // A verifier is no password, and still nobody's to read.
        assert!(!ours.contains("SCRAM-SHA-256$"), "a verifier in our log");
    }
}
