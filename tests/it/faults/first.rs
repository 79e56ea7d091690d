//! A first run.
use crate::project::*;

#[tokio::test]
async fn a_rotation_runs() {
    let project = Project::with_config(&Tokens::config());
    let tokens = Tokens::of(&project);
    let old = tokens.mint("before");
    project.write("app/app.env", &format!("TOKEN={old}\n"));
    let app = Consumer::start(&project, "token", "app", "app.env", "TOKEN", &[]);
    project.secrets(&format!(
        "[secrets.token]\n{}\npublish_to = [{{ store = \"env\", path = \"app.env\", field = \"TOKEN\" }}]\n\
         [secrets.token.consumers.app]\n{}",
        Tokens::ISSUER,
        app.lines()
    ));
    project.prepared();
    let daemon = project.daemon();
    let t = std::time::Instant::now();
    project.run(&["rotate-now", "test/token"]).succeeded();
    project.until_completed("test/token").await;
    eprintln!("{:?}", t.elapsed());
    let new = project.env_value("app.env", "TOKEN").unwrap();
    assert!(tokens.accepts(&new) && !tokens.accepts(&old));
    daemon.stop();
}
