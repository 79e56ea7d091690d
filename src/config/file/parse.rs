//! TOML text to a tree with places.

use super::{Entry, Node, Place, Problem, Table, Tree};
use aws_lc_rs::digest::{SHA256, digest};
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Parses a file. With problems the table holds what could still be understood, so that references to it are
/// not reported as well.
pub(crate) fn parse(file: &str, text: &str) -> (Table, Vec<Problem>) {
    let mut parser = Parser {
        file: Arc::from(file),
        text,
        lines: line_starts(text),
        problems: Vec::new(),
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = parser.place(error.span().unwrap_or(0..0));
        // The message alone: the error's `Display` would print the source line.
        let message = format!("not TOML: {}", error.message().replace('\n', ", "));
        parser.problems.push(Problem::at(&place, message));
    }
    let table = parser.table(document.get_ref());
    (table, parser.problems)
}

/// SHA-256 of a file's text, in hexadecimal: whether it has changed since it was applied.
pub(crate) fn hash(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

struct Parser<'a> {
    file: Arc<str>,
    text: &'a str,
    lines: Vec<usize>,
    problems: Vec<Problem>,
}

impl Parser<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Table {
        let mut result = Table::default();
        for (key, value) in table {
            let entry = Entry {
                key: self.place(key.span()),
                node: self.node(value),
            };
            result.insert(key.get_ref().as_ref(), entry);
        }
        result
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span());
        let tree = match value.get_ref() {
            DeValue::String(text) => Tree::Text(text.to_string()),
            DeValue::Integer(number) => self.whole(number, &place),
            DeValue::Float(number) => Tree::Real(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Tree::Flag(*flag),
            DeValue::Datetime(date) => Tree::Date(date.to_string()),
            DeValue::Array(array) => Tree::List(array.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Tree::Table(self.table(table)),
        };
        Node { place, tree }
    }

    fn whole(&mut self, number: &DeInteger<'_>, place: &Place) -> Tree {
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Tree::Whole(number),
            Err(_) => {
                let problem = Problem::at(place, "not TOML: a number that needs more than 64 bits");
                self.problems.push(problem);
                Tree::Whole(0)
            }
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let offset = span.start.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        Place {
            file: Arc::clone(&self.file),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX),
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_breaks = text.match_indices('\n').map(|(offset, _)| offset + 1);
    std::iter::once(0).chain(after_breaks).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn keys_and_values_know_their_places() {
        let (table, problems) = parse("a.toml", "a = \"é\" # é\n[b.c]\n\"é\".e = \"ü\"\n");
        assert_eq!(problems, []);
        let entry = table.table("b").unwrap().table("c").unwrap();
        let entry = entry.table("é").unwrap().entry("e").unwrap();
        assert_eq!((entry.key.line, entry.key.column), (3, 5));
        assert_eq!((entry.node.place.line, entry.node.place.column), (3, 9));
    }

    #[test]
    fn syntax_errors_name_their_place_and_never_the_source_line() {
        let (_, problems) = parse("a.toml", "ok = 1\nbad = example-unquoted\n");
        assert_eq!((problems[0].line, problems[0].column), (2, 7));
        assert!(!problems[0].message.contains("example"), "{}", problems[0]);
    }
}
