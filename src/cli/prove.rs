//! `keywheel prove`: tries every consumer's proof on the value in use, and changes nothing.

use super::acting::Bench;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{self, Column, Envelope, Output};
use super::selector::Selector;
use crate::actions::{self, Proof};
use crate::journal::Journal;
use serde::Serialize;

/// Tries every consumer's proof on the value in use; changes nothing. 1 where one does not prove.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

const COLUMNS: [Column; 6] = [
    ("!", 1),
    ("ID", 29),
    ("CONSUMER", 14),
    ("INSTANCE", 14),
    ("EVIDENCE", 9),
    ("WHAT-IS-WRONG", 28),
];

/// One consumer, or a secret whose consumers could not be asked. Keys are added, never renamed.
#[derive(Serialize)]
struct Item {
    id: String,
    consumer: Option<String>,
    /// The destination it reads, and the version served there.
    reads: Option<String>,
    /// The weakest evidence accepted.
    asked: Option<&'static str>,
    /// How many distinct instances must answer.
    instances: u32,
    proven: bool,
    wrong: String,
    shown: Vec<Seen>,
}

/// One instance that answered.
#[derive(Serialize)]
struct Seen {
    instance: String,
    evidence: &'static str,
    wrong: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let bench = Bench::open(context).await?;
    let mut items = Vec::new();
    for id in args.selector.resolve(&bench.journal).await? {
        match actions::prove(&bench.journal, &bench.tools, &id).await {
            Ok(proofs) if proofs.is_empty() => items.push(Item::of_none(id)),
            Ok(proofs) => items.extend(proofs.into_iter().map(Item::of)),
            Err(error) => items.push(Item::failed(id, error.to_string())),
        }
    }
    write(&bench.journal, args.output, &items).await?;
    if items.iter().all(|item| item.proven) {
        return Ok(Exit::Done);
    }
    anstream::eprintln!(
        "nothing was changed; mend the checks above, or `keywheel notify SECRET --consumer NAME`"
    );
    Ok(Exit::Failed)
}

async fn write(journal: &Journal, output: Output, items: &[Item]) -> Result<(), Failure> {
    let daemons = Daemons::of(journal).await?;
    let now = journal.clock().now_ms();
    if output.is_json() {
        let mut envelope = Envelope::open(output, "keywheel/prove/1", now, &daemons.alive)?;
        for item in items {
            envelope.item(item)?;
        }
        envelope.close();
        return Ok(());
    }
    if output == Output::Table {
        anstream::println!("{}", daemons.heading(&journal.address().to_string(), now));
    }
    let rows: Vec<Vec<String>> = items.iter().flat_map(Item::rows).collect();
    anstream::print!("{}", output::rows(output, &COLUMNS, &rows));
    if output == Output::Table {
        for line in rows.iter().filter_map(|row| in_full(row)) {
            anstream::println!("{line}");
        }
    }
    Ok(())
}

/// What is wrong, where the table cannot show all of it.
fn in_full(row: &[String]) -> Option<String> {
    let [_, id, consumer, instance, _, wrong] = row else {
        return None;
    };
    let cut = [(1, id), (2, consumer), (3, instance), (5, wrong)]
        .iter()
        .any(|(column, text)| text.chars().count() > COLUMNS[*column].1);
    let whole = format!("! {id}  {consumer}  {instance}: {wrong}");
    (cut && !wrong.is_empty()).then(|| output::wrapped(&whole, 4))
}

impl Item {
    fn of(proof: Proof) -> Self {
        let proven = proof.is_proven();
        let seen = proof.shown.into_iter().map(|one| Seen {
            instance: one.instance,
            evidence: one.evidence.word(),
            wrong: one.wrong,
        });
        Self {
            id: proof.id,
            consumer: Some(proof.consumer),
            reads: Some(proof.reads).filter(|reads| !reads.is_empty()),
            asked: Some(proof.asked.word()),
            instances: proof.instances,
            proven,
            wrong: proof.wrong,
            shown: seen.collect(),
        }
    }

    /// A secret that says why it lists nobody.
    fn of_none(id: String) -> Self {
        Self {
            id,
            consumer: None,
            reads: None,
            asked: None,
            instances: 0,
            proven: true,
            wrong: String::new(),
            shown: Vec::new(),
        }
    }

    fn failed(id: String, wrong: String) -> Self {
        Self {
            proven: false,
            wrong,
            ..Self::of_none(id)
        }
    }

    /// One row for each instance that answered, and one for what is wrong with the consumer as a whole.
    fn rows(&self) -> Vec<Vec<String>> {
        let consumer = self.consumer.as_deref().unwrap_or("-");
        let row = |instance: &str, evidence: &str, wrong: &str| {
            let mark = if wrong.is_empty() { " " } else { "!" };
            [mark, &self.id, consumer, instance, evidence, wrong]
                .map(str::to_owned)
                .to_vec()
        };
        let seen = self.shown.iter();
        let mut rows: Vec<_> = seen
            .map(|one| row(&one.instance, one.evidence, &one.wrong))
            .collect();
        if !self.proven {
            let reads = self.reads.as_ref();
            let reads = reads.map_or_else(String::new, |reads| format!(" ({reads})"));
            rows.push(row("-", "-", &format!("{}{reads}", self.wrong)));
        }
        if rows.is_empty() {
            rows.push(row("-", "-", ""));
        }
        rows
    }
}
