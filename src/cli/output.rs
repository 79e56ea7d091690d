//! How answers are written: tables for people, JSON and its kin for everything else. Data goes to stdout.

use super::context::unprintable;
use super::exit::Failure;
use crate::journal::replicas::Replica;
use crate::report::when::rfc3339;
use serde::Serialize;

/// A way of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    #[default]
    Table,
    /// One document with an envelope.
    Json,
    /// One item a line, no envelope.
    Jsonl,
    /// Comma-separated, with a heading.
    Csv,
    /// A table in Markdown.
    Markdown,
    /// A table in HTML.
    Html,
}

/// A way of writing what has no columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Prose {
    /// For people.
    #[default]
    Table,
    /// One document with an envelope.
    Json,
    /// One item a line, no envelope.
    Jsonl,
}

impl From<Prose> for Output {
    fn from(way: Prose) -> Self {
        match way {
            Prose::Table => Self::Table,
            Prose::Json => Self::Json,
            Prose::Jsonl => Self::Jsonl,
        }
    }
}

impl Prose {
    /// Whether it is one of the two for machines.
    pub(super) fn is_json(self) -> bool {
        Output::from(self).is_json()
    }
}

impl Output {
    /// Whether it is one of the two for machines.
    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// A column: heading, and the most characters it may take on a screen.
pub(super) type Column = (&'static str, usize);

/// Writes rows in any of the textual ways. On a screen, columns are as wide as they need and no wider than
/// allowed; the first column loses its middle, the others their end.
pub(super) fn rows(output: Output, columns: &[Column], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    match output {
        Output::Csv => lines(&headings, rows, |row| {
            row.iter()
                .map(|cell| csv(cell))
                .collect::<Vec<_>>()
                .join(",")
        }),
        Output::Markdown => markdown(&headings, rows),
        Output::Html => html(&headings, rows),
        Output::Table | Output::Json | Output::Jsonl => screen(columns, &headings, rows),
    }
}

fn lines(headings: &[String], rows: &[Vec<String>], line: impl Fn(&[String]) -> String) -> String {
    let all = std::iter::once(headings).chain(rows.iter().map(Vec::as_slice));
    all.map(|row| line(row) + "\n").collect()
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe.
fn csv(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@']) && cell.len() > 1;
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

fn markdown(headings: &[String], rows: &[Vec<String>]) -> String {
    let line = |row: &[String]| {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<String> = headings.iter().map(|_| "---".to_owned()).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    line(headings) + &line(&rule) + &body
}

fn html(headings: &[String], rows: &[Vec<String>]) -> String {
    let line = |row: &[String], tag: &str| {
        let cells: String = row
            .iter()
            .map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let body: String = rows.iter().map(|row| line(row, "td")).collect();
    format!("<table>\n{}{body}</table>\n", line(headings, "th"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn screen(columns: &[Column], headings: &[String], rows: &[Vec<String>]) -> String {
    let width = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        longest
            .min(columns[index].1)
            .max(headings[index].chars().count())
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    lines(headings, rows, |row| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells: Vec<String> = cells
            .map(|(index, (cell, width))| {
                let cell = if index <= 1 {
                    middle(cell, *width)
                } else {
                    end(cell, *width)
                };
                format!("{cell:<width$}")
            })
            .collect();
        cells.join(" ").trim_end().to_owned()
    })
}

/// No line of a screen is longer, but for what cannot be broken, such as a command.
const SCREEN: usize = 100;

/// A sentence in lines that fit a screen; all but the first are indented. What stands between backticks stays on
/// one line, for a person copies it.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in words(text) {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > SCREEN {
            lines.push(" ".repeat(indent) + &word);
        } else if let Some(last) = lines.last_mut() {
            let first = last.is_empty();
            last.push_str(if first { "" } else { " " });
            last.push_str(&word);
        }
    }
    lines.join("\n")
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut() {
            Some(open) if open.matches('`').count() % 2 == 1 => {
                open.push(' ');
                open.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// A text without its middle, where it is too long: both ends tell more than one.
pub(super) fn middle(text: &str, width: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= width || width < 3 {
        return text.to_owned();
    }
    let tail = (width - 1) / 2;
    let head = width - 1 - tail;
    let (start, rest) = (&all[..head], &all[all.len() - tail..]);
    format!("{}…{}", String::from_iter(start), String::from_iter(rest))
}

fn end(text: &str, width: usize) -> String {
    match text.chars().count() <= width || width < 2 {
        true => text.to_owned(),
        false => text.chars().take(width - 1).chain(['…']).collect(),
    }
}

/// One item on a line of its own.
///
/// # Errors
/// It cannot be written as JSON: a fault of ours.
pub(super) fn json_line<T: Serialize>(item: &T) -> Result<String, Failure> {
    serde_json::to_string(item).map_err(|error| unprintable(&error))
}

/// Writes `{format, generated_at, daemons, items}` item by item, so that a long answer is never held whole.
pub(super) struct Envelope {
    output: Output,
    first: bool,
}

#[derive(Serialize)]
struct Daemon<'a> {
    host: &'a str,
    pid: i64,
    seen_at: String,
}

impl Envelope {
    /// Opens the envelope; JSON lines have none. `format` names the shape, such as `keywheel/status/1`.
    ///
    /// # Errors
    /// It cannot be written as JSON: a fault of ours.
    pub(super) fn open(
        output: impl Into<Output>,
        format: &str,
        now_ms: i64,
        daemons: &[Replica],
    ) -> Result<Self, Failure> {
        let output = output.into();
        if output == Output::Json {
            let daemons: Vec<Daemon<'_>> = daemons
                .iter()
                .map(|one| Daemon {
                    host: &one.host,
                    pid: one.pid,
                    seen_at: rfc3339(one.seen_ms),
                })
                .collect();
            let (format, daemons) = (json_line(&format)?, json_line(&daemons)?);
            let at = rfc3339(now_ms);
            anstream::print!(
                "{{\"format\":{format},\"generated_at\":\"{at}\",\"daemons\":{daemons},\"items\":["
            );
        }
        Ok(Self {
            output,
            first: true,
        })
    }

    /// Adds an item.
    ///
    /// # Errors
    /// It cannot be written as JSON: a fault of ours.
    pub(super) fn item<T: Serialize>(&mut self, item: &T) -> Result<(), Failure> {
        let text = json_line(item)?;
        match (self.output, std::mem::replace(&mut self.first, false)) {
            (Output::Json, true) => anstream::print!("\n{text}"),
            (Output::Json, false) => anstream::print!(",\n{text}"),
            _ => anstream::println!("{text}"),
        }
        Ok(())
    }

    /// Closes it.
    pub(super) fn close(self) {
        if self.output == Output::Json {
            anstream::println!("\n]}}");
        }
    }

    /// Closes it with one more field after the items.
    ///
    /// # Errors
    /// It cannot be written as JSON: a fault of ours.
    pub(super) fn close_with<T: Serialize>(self, name: &str, field: &T) -> Result<(), Failure> {
        if self.output == Output::Json {
            let field = json_line(field)?;
            anstream::println!("\n],\"{name}\":{field}}}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, SCREEN, middle, rows, wrapped};

    fn cells(row: &[&str]) -> Vec<String> {
        row.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn long_ids_lose_their_middle() {
        assert_eq!(
            middle("production/orders-database-url", 13),
            "produc…se-url"
        );
        assert_eq!(middle("short", 13), "short");
    }

    #[test]
    fn sentences_break_between_words_and_lose_none() {
        let text = format!("! production/a  {}", "word ".repeat(60) + "end");
        let broken = wrapped(&text, 4);
        assert!(broken.lines().count() > 2);
        assert!(broken.lines().all(|line| line.chars().count() <= SCREEN));
        assert!(
            broken
                .lines()
                .skip(1)
                .all(|line| line.starts_with("    word"))
        );
        assert_eq!(broken.replace("\n    ", " "), text);
        assert_eq!(wrapped("short", 4), "short");
        let command = format!("{} `keywheel prove ID` now", "x".repeat(SCREEN - 12));
        assert!(wrapped(&command, 4).ends_with("\n    `keywheel prove ID` now"));
        let long = "x".repeat(SCREEN + 20);
        assert_eq!(
            wrapped(&format!("a {long} b"), 2),
            format!("a\n  {long}\n  b")
        );
    }

    #[test]
    fn a_screen_is_as_wide_as_it_needs() {
        let columns = [("!", 1), ("ID", 9), ("NEXT", 8)];
        let text = rows(
            Output::Table,
            &columns,
            &[cells(&["!", "production/a", "in 4d"])],
        );
        assert_eq!(text, "! ID        NEXT\n! prod…on/a in 4d\n");
    }

    #[test]
    fn every_way_escapes_what_it_must() {
        let columns = [("A", 9), ("B", 9)];
        let row = [cells(&["=1|2", "<b>\"x\", y"])];
        assert_eq!(
            rows(Output::Csv, &columns, &row),
            "A,B\n'=1|2,\"<b>\"\"x\"\", y\"\n"
        );
        let markdown = rows(Output::Markdown, &columns, &row);
        assert!(markdown.ends_with("| =1\\|2 | <b>\"x\", y |\n"));
        let html = rows(Output::Html, &columns, &row);
        assert!(html.contains("<td>&lt;b&gt;&quot;x&quot;, y</td>"));
    }
}
