//! `keywheel provide`: takes the value in that a rotation waits for, on stdin and nowhere else.

use super::acting::{Bench, lonely, person};
use super::context::Context;
use super::exit::{Exit, Failure};
use super::typed;
use crate::actions;
use keywheel_contract::{Document, Fields};
use std::collections::BTreeSet;

/// Takes in the new value that a rotation waits for, from stdin: typed without echo, or through a pipe.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret.
    #[arg(value_name = "SECRET")]
    secret: String,
    /// The new credential's id at its issuer, never its value; by default one made of its fingerprint.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Bench { journal, tools, .. } = Bench::open(context).await?;
    let awaiting = actions::awaiting(&journal, &tools, &args.secret).await?;
    if let Some(instructions) = &awaiting.instructions {
        anstream::eprintln!("{instructions}");
    }
    let prompt = format!("New value of {}", args.secret);
    let fields = fields_of(&prompt, &awaiting.fields)?;
    let person = person("");
    let provided = actions::provide(&journal, &tools, &awaiting, fields, args.id, &person).await?;
    anstream::println!(
        "{}: a value was taken in and sealed as {}",
        args.secret,
        provided.issuer_ref
    );
    anstream::eprintln!(
        "next: its rotation tests it, then publishes it; the old value works meanwhile"
    );
    lonely(&journal).await?;
    Ok(Exit::Done)
}

/// One value, or a JSON object where several fields are needed.
pub(super) fn fields_of(prompt: &str, names: &BTreeSet<String>) -> Result<Fields, Failure> {
    let names: Vec<String> = names.iter().cloned().collect();
    if let [only] = names.as_slice() {
        let value = typed::value(prompt)?;
        return Ok([(only.clone(), value)].into_iter().collect());
    }
    let listed = names.join(", ");
    let text = typed::value(&format!(
        "{prompt}, a JSON object with {listed}, on one line"
    ))?;
    match Document::decode(&text, &names) {
        Ok(Document::Fields(fields)) => Ok(fields),
        Ok(Document::Whole(value)) => Ok(Fields::single(value)),
        Err(error) => Err(Failure::usage(format!("{error}; nothing was taken in"))
            .next(format!("give a JSON object of text with {listed}"))),
    }
}
