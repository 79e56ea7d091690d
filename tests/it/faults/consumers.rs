//! Consumers that lie. Whatever they answer, nothing is ended before they prove the new value; once they do,
//! the rotation goes on by itself.

use crate::project::liar::{Liar, Lie};
use crate::project::{Project, Tokens};
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;

struct Case {
    lie: Lie,
    id: String,
    old: String,
    liar: Liar,
}

impl Case {
    async fn new(project: &Project, tokens: &Tokens, lie: Lie) -> Self {
        let name = lie.name();
        let old = tokens.mint(&format!("example-{name}"));
        let file = project.path(&format!("app/{name}.env"));
        std::fs::write(&file, format!("TOKEN={old}\n")).unwrap();
        let liar = Liar::start(lie, file, "TOKEN").await;
        let id = format!("test/{name}");
        Self { lie, id, old, liar }
    }

    fn entry(&self) -> String {
        let name = self.lie.name();
        format!(
            "[secrets.{name}]\n{}\ntiming = {{ proof = \"proven\" }}\n\
             publish_to = [{{ store = \"env\", path = \"{name}.env\", field = \"TOKEN\" }}]\n\
             [secrets.{name}.consumers.app]\n{}\n",
            Tokens::ISSUER,
            self.liar.lines()
        )
    }

    /// It stays in `verifying`, with the lie said, and both tokens work.
    async fn is_seen_through(&self, project: &Project, tokens: &Tokens) {
        let said = match self.lie {
            Lie::Nonsense => "not with a handshake answer",
            Lie::Redirect => "redirect",
            Lie::Slow => "",
            Lie::Version => "another version",
            Lie::OtherSecret => "another secret",
            Lie::OneInstance => "1/2",
            Lie::Replay => "none of the values",
            Lie::BackAgain => "app 0/1",
            Lie::Broken => "500",
        };
        let asked = self.liar.asked() + 3;
        let run = match self.lie {
            // It is always being asked: each answer takes longer than the time until the next question.
            Lie::Slow => {
                let told = |run: &Run| run.phase == Phase::Verifying && self.liar.asked() >= asked;
                project.until(&self.id, "asked again", told).await
            }
            _ => project.until_waits(&self.id, Phase::Verifying, said).await,
        };
        assert!(
            !project.has_intent(&run, Kind::DisableCredential).await,
            "{:?}",
            self.lie
        );
        assert!(
            !project.has_intent(&run, Kind::Revoke).await,
            "{:?}",
            self.lie
        );
        assert!(
            tokens.accepts(&self.old),
            "{:?}: the old token was ended",
            self.lie
        );
        let new = project
            .env_value(&format!("{}.env", self.lie.name()), "TOKEN")
            .unwrap();
        assert!(new != self.old && tokens.accepts(&new), "{:?}", self.lie);
        assert!(self.liar.asked() > 0);
    }
}

#[tokio::test]
async fn no_lie_ends_the_old_credential_and_the_truth_does() {
    let project = Project::with_config(&Tokens::config());
    let tokens = Tokens::of(&project);
    let mut cases = Vec::new();
    for lie in Lie::ALL {
        cases.push(Case::new(&project, &tokens, lie).await);
    }
    let entries: Vec<String> = cases.iter().map(Case::entry).collect();
    project.secrets(&entries.join("\n"));
    project.prepared();
    let daemon = project.daemon();
    for case in &cases {
        project.run(&["rotate-now", &case.id]).succeeded();
    }
    for case in &cases {
        case.is_seen_through(&project, &tokens).await;
    }
    cases.iter().for_each(|case| case.liar.mend());
    for case in &cases {
        project.until_completed(&case.id).await;
        assert!(!tokens.accepts(&case.old), "{:?}", case.lie);
    }
    assert_eq!(tokens.count(), (2 * cases.len(), cases.len()));
    daemon.stop();
}
