//! Drafts as text of a team file. Written by hand and not by a serializer: people read and edit it from then on.

use super::Draft;
use std::ops::Range;
use toml_edit::{Array, InlineTable, Key, Value};

/// What an imported entry says of its issuer; whoever rotates it by hand is shown this.
const ISSUER: &str = "imported: who issues it is not known yet";
/// What it says of its consumers.
const CONSUMERS: &str = "imported: who uses it is not known yet";

/// The drafts as text, and the lines of each, counted from one, where `above` lines stand before it.
pub(super) fn text(drafts: &[Draft], above: usize) -> (String, Vec<Range<usize>>) {
    let mut text = String::new();
    let mut lines = Vec::with_capacity(drafts.len());
    let mut first = above + 1;
    for draft in drafts {
        let entry = entry(draft);
        let after = first + entry.matches('\n').count();
        text.push_str(&entry);
        lines.push(first..after);
        first = after;
    }
    (text, lines)
}

fn entry(draft: &Draft) -> String {
    let mut keys: Vec<(&str, Value)> = Vec::new();
    keys.extend(draft.owner.as_deref().map(|owner| ("owner", owner.into())));
    keys.extend(
        draft
            .impact
            .as_deref()
            .map(|impact| ("impact", impact.into())),
    );
    if !draft.tags.is_empty() {
        keys.push(("tags", draft.tags.iter().collect::<Array>().into()));
    }
    keys.push(("manage", "track".into()));
    keys.push(("issuer", issuer(draft).into()));
    let id = draft.current_id.as_deref();
    keys.extend(id.map(|id| ("current_id", id.into())));
    let publish_to: Array = std::iter::once(destination(draft)).collect();
    keys.push(("publish_to", publish_to.into()));
    keys.push(("no_consumers", CONSUMERS.into()));
    let lines = keys
        .iter()
        .map(|(key, value)| format!("{key:<12} = {value}\n"));
    let name = Key::new(draft.id.name());
    format!("\n[secrets.{name}]\n{}", lines.collect::<String>())
}

fn issuer(draft: &Draft) -> InlineTable {
    let mut issuer = InlineTable::new();
    issuer.insert("kind", "manual".into());
    if draft.fields.len() > 1 {
        issuer.insert("fields", draft.fields.iter().collect::<Array>().into());
    }
    issuer.insert("instructions", ISSUER.into());
    issuer
}

fn destination(draft: &Draft) -> InlineTable {
    let mut destination = InlineTable::new();
    destination.insert("store", draft.store.as_str().into());
    destination.insert("path", draft.path.as_str().into());
    match draft.fields.as_slice() {
        [] => {}
        [field] => {
            destination.insert("field", field.as_str().into());
        }
        fields => {
            let template = |field: &String| (field.clone(), format!("{{{field}}}"));
            let fields: InlineTable = fields.iter().map(template).collect();
            destination.insert("fields", fields.into());
        }
    }
    destination
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::inventory::import::Draft;

    fn draft(name: &str, fields: &[&str]) -> Draft {
        Draft {
            source: name.to_owned(),
            id: format!("production/{name}").parse().unwrap(),
            owner: Some("orders".to_owned()),
            store: "main".to_owned(),
            path: "prod/\"quoted\"".to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            impact: None,
            tags: Vec::new(),
            current_id: None,
        }
    }

    #[test]
    fn an_entry_reads_as_a_person_would_write_it() {
        let (written, lines) = text(&[draft("db.main", &["PASSWORD"])], 3);
        assert_eq!(
            written,
            "\n[secrets.\"db.main\"]\n\
             owner        = \"orders\"\n\
             manage       = \"track\"\n\
             issuer       = { kind = \"manual\", instructions = \"imported: who issues it is not known yet\" }\n\
             publish_to   = [{ store = \"main\", path = 'prod/\"quoted\"', field = \"PASSWORD\" }]\n\
             no_consumers = \"imported: who uses it is not known yet\"\n"
        );
        assert_eq!((lines.len(), lines[0].clone()), (1, 4..11));
    }

    #[test]
    fn several_fields_are_one_credential() {
        let (written, _) = text(&[draft("db", &["LOGIN", "PASSWORD"])], 0);
        assert!(
            written.contains("fields = [\"LOGIN\", \"PASSWORD\"], instructions"),
            "{written}"
        );
        assert!(
            written.contains("fields = { LOGIN = \"{LOGIN}\", PASSWORD = \"{PASSWORD}\" }"),
            "{written}"
        );
    }
}
