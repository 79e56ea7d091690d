//! `keywheel retry`: forgets earlier failures of a rotation and lets it go on.

use super::acting::{Bench, person, tell};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions::{self, Seen};

/// Lets a blocked or held rotation go on; earlier failures no longer count.
///
/// Where the issuer cannot be asked whether it made a credential, look there yourself and say what you saw.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret.
    #[arg(value_name = "SECRET")]
    id: String,
    /// You looked at the issuer: the credential in doubt was not made.
    #[arg(long, group = "seen")]
    absent: bool,
    /// You looked at the issuer: this is the credential in doubt. Its value is lost, so that it is ended.
    #[arg(long, group = "seen", value_name = "CREDENTIAL_ID")]
    adopt: Option<String>,
}

impl Args {
    fn seen(&self) -> Option<Seen> {
        let made = self.adopt.clone().map(Seen::Made);
        made.or(self.absent.then_some(Seen::Absent))
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Some(seen) = args.seen() else {
        let (_, journal) = context.open().await?;
        let steered = actions::retry(&journal, &args.id, &person("")).await?;
        return tell(&journal, &steered).await;
    };
    let bench = Bench::open(context).await?;
    let (journal, tools) = (&bench.journal, &bench.tools);
    let steered = actions::settle(journal, tools, &args.id, &seen, &person("")).await?;
    tell(journal, &steered).await
}
