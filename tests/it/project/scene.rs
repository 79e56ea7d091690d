//! The usual scene: a token of an issuer that keeps old and new side by side, published to a `.env` file that
//! one running consumer reads.

use super::{Consumer, Project, Tokens};

/// The scene's secret.
pub(crate) const ID: &str = "test/token";
/// The `.env` file and its key.
pub(crate) const FILE: &str = "app.env";
pub(crate) const KEY: &str = "TOKEN";
/// Where the scene publishes.
pub(crate) const PUBLISH: &str =
    "publish_to = [{ store = \"env\", path = \"app.env\", field = \"TOKEN\" }]";

/// The parts of the scene.
pub(crate) struct Scene {
    pub(crate) app: Consumer,
    pub(crate) project: Project,
    pub(crate) tokens: Tokens,
    /// The token in use before anything is rotated.
    pub(crate) old: String,
}

impl Scene {
    /// A consumer that reloads when it is told; ready for a daemon.
    pub(crate) fn new() -> Self {
        Self::with("", &[])
    }

    /// A consumer that is told and does not reload before it is started again: the rotation stays in
    /// `verifying` until then.
    pub(crate) fn late() -> Self {
        Self::with("", &["--reload-delay", "3600s"])
    }

    /// With more lines for the secret, and more arguments for the consumer.
    pub(crate) fn with(more: &str, consumer: &[&str]) -> Self {
        let project = Project::with_config(&Tokens::config());
        let tokens = Tokens::of(&project);
        let old = tokens.mint("example-before-keywheel");
        project.write(&format!("app/{FILE}"), &format!("{KEY}={old}\n"));
        let app = Consumer::start(&project, "token", "app", FILE, KEY, consumer);
        let scene = Self {
            project,
            tokens,
            old,
            app,
        };
        scene.entry(more);
        scene.project.prepared();
        scene
    }

    /// Writes the inventory's entry: the consumer `app`, after more lines for the secret.
    pub(crate) fn entry(&self, more: &str) {
        let consumer = format!("[secrets.token.consumers.app]\n{}", self.app.lines());
        self.entry_with(more, &consumer);
    }

    /// Writes the inventory's entry with its consumers as given.
    pub(crate) fn entry_with(&self, more: &str, consumers: &str) {
        self.project.secrets(&format!(
            "[secrets.token]\n{}\n{PUBLISH}\n{more}\n{consumers}",
            Tokens::ISSUER
        ));
    }

    /// Asks for a rotation of it.
    pub(crate) fn rotate(&self) {
        self.project
            .run(&["rotate-now", ID, "--reason", "example"])
            .succeeded();
    }

    /// Asks for a rotation while no daemon runs: queued for nobody yet, and said so.
    pub(crate) fn queue(&self) {
        self.project
            .run(&["rotate-now", ID, "--reason", "example"])
            .ended(3);
    }

    /// The token published now.
    pub(crate) fn published(&self) -> String {
        self.project.env_value(FILE, KEY).expect("a token")
    }

    /// Insists that old and new both work.
    pub(crate) fn both_work(&self) {
        let new = self.published();
        assert_ne!(new, self.old);
        assert!(self.tokens.accepts(&self.old), "the old token was ended");
        assert!(self.tokens.accepts(&new), "the new token was ended");
    }

    /// Insists that the old token is refused, the new one works, and no other one does.
    pub(crate) fn only_new_works(&self) {
        assert!(!self.tokens.accepts(&self.old), "the old token still works");
        assert!(
            self.tokens.accepts(&self.published()),
            "the new token does not work"
        );
        assert_eq!(self.tokens.count().1, 1, "a token was left behind");
    }

    /// The late consumer takes what is published, as after a deployment.
    pub(crate) fn deploy(&mut self) {
        self.app.kill();
        self.app.start_again();
    }
}

/// Whatever a test was about: no value of its scene may lie anywhere but at its stores.
impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let now = self.project.env_value(FILE, KEY);
        let values = [Some(self.old.as_str()), now.as_deref()];
        let values: Vec<&str> = values
            .into_iter()
            .flatten()
            .filter(|value| value.len() >= 16)
            .collect();
        assert_eq!(self.project.leaks(&values), Vec::<String>::new());
    }
}
