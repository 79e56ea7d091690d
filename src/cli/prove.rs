//! `keywheel prove`: tries every consumer's proof on the value in use, and changes nothing.

use super::acting::Bench;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::selector::Selector;
use crate::actions::{self, Proof};
use comfy_table::{Table, presets::NOTHING};

/// Tries every consumer's proof on the value in use; changes nothing. 1 where one does not prove.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Bench { journal, tools, .. } = Bench::open(context).await?;
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "",
        "ID",
        "CONSUMER",
        "INSTANCE",
        "EVIDENCE",
        "WHAT IS WRONG",
    ]);
    let mut exit = Exit::Done;
    for id in args.selector.resolve(&journal).await? {
        match actions::prove(&journal, &tools, &id).await {
            Ok(proofs) => {
                for proof in &proofs {
                    add(&mut table, proof);
                    exit = if proof.is_proven() {
                        exit
                    } else {
                        Exit::Failed
                    };
                }
                if proofs.is_empty() {
                    table.add_row(["", &id, "-", "-", "-", "no consumer is listed"]);
                }
            }
            Err(error) => {
                table.add_row(["!", &id, "-", "-", "-", &error.to_string()]);
                exit = Exit::Failed;
            }
        }
    }
    anstream::println!("{}", table.trim_fmt());
    if exit == Exit::Failed {
        anstream::eprintln!(
            "nothing was changed; mend the checks above, or `keywheel notify SECRET --consumer NAME`"
        );
    }
    Ok(exit)
}

fn add(table: &mut Table, proof: &Proof) {
    for one in &proof.shown {
        let mark = if one.wrong.is_empty() { "" } else { "!" };
        table.add_row([
            mark,
            &proof.id,
            &proof.consumer,
            &one.instance,
            one.evidence.word(),
            &one.wrong,
        ]);
    }
    if !proof.is_proven() {
        let wrong = match proof.reads.is_empty() {
            true => proof.wrong.clone(),
            false => format!("{} ({})", proof.wrong, proof.reads),
        };
        table.add_row(["!", &proof.id, &proof.consumer, "-", "-", &wrong]);
    }
}
