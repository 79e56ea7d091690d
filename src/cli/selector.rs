//! Which secrets a command is about: ids, globs and filters, the same for every command.

use super::exit::{Exit, Failure};
use crate::journal::{Journal, Tx, secrets};
use crate::report::select::{Selected, Selection};

/// Secrets by id, by glob or by what they belong to.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Selector {
    /// Ids such as production/api-key, or globs such as 'production/*'.
    #[arg(value_name = "SECRET")]
    names: Vec<String>,
    /// Only those of this owner.
    #[arg(long)]
    owner: Option<String>,
    /// Only those of this environment.
    #[arg(long)]
    environment: Option<String>,
    /// Only those with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only those published to this store.
    #[arg(long)]
    store: Option<String>,
    /// Only those of this issuer.
    #[arg(long)]
    issuer: Option<String>,
}

impl Selector {
    /// One name and nothing else.
    pub(super) fn of(name: &str) -> Self {
        Self {
            names: vec![name.to_owned()],
            ..Self::default()
        }
    }

    /// What was asked for.
    pub(super) fn selection(&self) -> Selection {
        Selection {
            names: self.names.clone(),
            owner: self.owner.clone(),
            environment: self.environment.clone(),
            tag: self.tag.clone(),
            store: self.store.clone(),
            issuer: self.issuer.clone(),
        }
    }

    /// The ids meant, in order and never none: for commands that act.
    ///
    /// # Errors
    /// An empty selector, a name that nothing matches, filters that leave nothing, or the journal.
    pub(super) async fn resolve(&self, journal: &Journal) -> Result<Vec<String>, Failure> {
        if self.selection().is_empty() {
            let next = "name a secret, a glob such as 'production/*', or use --owner, --tag, …";
            return Err(Failure::usage("no secret was named; none is never all").next(next));
        }
        self.resolve_or_all(journal).await
    }

    /// Says which names match nothing, for commands that show what is there. Ids of retired secrets match.
    ///
    /// # Errors
    /// A name that nothing matches, or the journal.
    pub(super) async fn check_names(&self, journal: &Journal) -> Result<(), Failure> {
        let selection = Selection {
            names: self.names.clone(),
            ..Selection::default()
        };
        let work = async move |tx: &mut Tx| {
            let mut selected = selection.walk(tx).await?;
            let mut unknown = Vec::new();
            for (name, nearest) in selected.unknown {
                if secrets::by_id(tx, &name).await?.is_none() {
                    unknown.push((name, nearest));
                }
            }
            selected.unknown = unknown;
            Ok(selected)
        };
        known(journal.read(work).await?).map(drop)
    }

    /// The same, where nothing asked for means every secret: for commands that only read.
    ///
    /// # Errors
    /// A name that nothing matches, filters that leave nothing, or the journal.
    pub(super) async fn resolve_or_all(&self, journal: &Journal) -> Result<Vec<String>, Failure> {
        let selection = self.selection();
        let all = selection.is_empty();
        let selected = journal
            .read(async move |tx| selection.walk(tx).await)
            .await?;
        match known(selected)? {
            ids if ids.is_empty() && !all => Err(Failure::new(
                Exit::Failed,
                "no secret is all of this at once",
            )
            .next("keywheel status")),
            ids => Ok(ids),
        }
    }
}

/// The ids, unless a name matched nothing.
fn known(selected: Selected) -> Result<Vec<String>, Failure> {
    let Some((_, nearest)) = selected.unknown.first() else {
        return Ok(selected.ids);
    };
    let next = nearest.as_ref().map_or("keywheel status".to_owned(), |id| {
        format!("did you mean {id}?")
    });
    let lines = selected
        .unknown
        .iter()
        .map(|(name, _)| format!("no secret is called {name}"));
    Err(Failure {
        exit: Exit::Failed,
        lines: lines.collect(),
        next: Some(next),
    })
}

#[cfg(test)]
mod tests {
    use super::{Selector, known};
    use crate::report::select::Selected;
    use clap::{Args as _, FromArgMatches as _};

    fn parsed(words: &[&str]) -> Selector {
        let command = Selector::augment_args(clap::Command::new("x").no_binary_name(true));
        let matches = command.get_matches_from(words);
        Selector::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn nothing_said_is_empty_and_every_word_counts() {
        assert!(parsed(&[]).selection().is_empty());
        let selection = parsed(&["a/*", "b/c", "--owner", "ml", "--store", "main"]).selection();
        assert_eq!(selection.names, ["a/*", "b/c"]);
        assert_eq!(selection.owner.as_deref(), Some("ml"));
        assert_eq!(selection.store.as_deref(), Some("main"));
    }

    #[test]
    fn an_unknown_name_fails_with_the_nearest() {
        let selected = Selected {
            ids: vec!["a/b".into()],
            unknown: vec![("a/bb".into(), Some("a/b".into()))],
        };
        let failure = known(selected).unwrap_err();
        assert_eq!(failure.lines, ["no secret is called a/bb"]);
        assert_eq!(failure.next.as_deref(), Some("did you mean a/b?"));
    }
}
