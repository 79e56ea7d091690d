//! A person makes the value where no program can, and says when the old one was ended.

use crate::project::{Consumer, Project};
use keywheel::journal::ledger::{self, CredentialRow};
use keywheel::journal::rotations::{self, Run};
use keywheel::rotation::facts::Waiver;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::values::{Values, pack};
use keywheel::rotation::{CANDIDATE, OLD_REVOKED};
use keywheel::seal::KeyRing;
use keywheel_contract::{Fields, SecretValue};

const ID: &str = "test/key";
const OLD: &str = "example-old-key-made-by-a-person-0001";
const NEW: &str = "example-new-key-made-by-a-person-0002";

/// What `keywheel provide` does with its stdin.
async fn provide(project: &Project, run: &Run, value: &str) {
    let journal = project.journal().await;
    let ring = KeyRing::load(&project.path("seal.key")).unwrap();
    let values = Values::open(&journal, &ring, &run.id).await.ok().unwrap();
    let mut fields = Fields::new();
    fields.insert("value", SecretValue::from(value.to_owned()));
    let sealed = values.keep(CANDIDATE, pack(fields).unwrap()).unwrap();
    let (id, key) = (run.id.as_str().to_owned(), values.new_key.clone());
    let written = async move |tx: &mut keywheel::journal::Tx| {
        if let Some((key_id, wrapped)) = &key {
            ledger::keep_data_key(tx, &id, key_id, wrapped.clone()).await?;
        }
        ledger::keep_sealed(tx, &id, std::slice::from_ref(&sealed)).await?;
        let row = CredentialRow {
            id: "example-candidate".to_owned(),
            secret_id: ID.to_owned(),
            rotation_id: Some(id.clone()),
            issuer_ref: Some("example-by-hand".to_owned()),
            fingerprint: None,
            state: "candidate".to_owned(),
            born_ms: tx.now_ms(),
            published_ms: None,
        };
        ledger::add_credential(tx, &row).await?;
        let named = "UPDATE rotation SET candidate = $2 WHERE id = $1";
        tx.run(named, &[id.as_str().into(), row.id.into()]).await?;
        rotations::stir(tx, &[ID]).await
    };
    journal.write(written).await.unwrap();
}

async fn say_old_is_revoked(project: &Project) {
    let journal = project.journal().await;
    let said = async |tx: &mut keywheel::journal::Tx| {
        let waiver = Waiver {
            created_ms: tx.now_ms(),
            subject: OLD_REVOKED.to_owned(),
            actor: "example".to_owned(),
            reason: "ended in the console".to_owned(),
            until_ms: tx.now_ms() + 3_600_000,
        };
        ledger::waive(tx, "example-waiver", ID, &waiver).await?;
        rotations::stir(tx, &[ID]).await
    };
    journal.write(said).await.unwrap();
}

#[tokio::test]
async fn it_waits_for_the_person_who_makes_it_and_ends_it() {
    let project = Project::new();
    project.write("app/key.env", &format!("KEY={OLD}\n"));
    let app = Consumer::start(&project, "key", "app", "key.env", "KEY", &[]);
    project.secrets(&format!(
        "[secrets.key]\nissuer = {{ kind = \"manual\", prefix = \"example-\", min_length = 20 }}\n\
         publish_to = [{{ store = \"env\", path = \"key.env\", field = \"KEY\" }}]\n\
         [secrets.key.consumers.app]\n{}",
        app.lines()
    ));
    project.prepared();
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    let run = project.until_waits(ID, Phase::Minting, "person").await;
    assert_eq!(
        run.waiting[0].next_command,
        format!("keywheel provide {ID}")
    );
    assert_eq!(project.env_value("key.env", "KEY").unwrap(), OLD);
    provide(&project, &run, NEW).await;
    let asked = project.until_blocked(ID).await;
    assert!(
        asked
            .question
            .contains("end the old credential at its issuer"),
        "{}",
        asked.question
    );
    assert!(
        asked.question.contains("--old-revoked"),
        "{}",
        asked.question
    );
    assert_eq!(project.env_value("key.env", "KEY").unwrap(), NEW);
    say_old_is_revoked(&project).await;
    project.until_completed(ID).await;
    daemon.stop();
    project.close().await;
    assert_eq!(project.leaks(&[OLD, NEW]), Vec::<String>::new());
}
