//! Rows of a CSV file as wishes. A spreadsheet never holds values: columns named like one are refused whole.

use super::{Finding, Wish};
use crate::config::file::{did_you_mean, is_named_like_one, looks_like_one};
use csv::{ReaderBuilder, StringRecord};

/// What columns may be called, in any order and any case.
pub const COLUMNS: [&str; 9] = [
    "environment",
    "name",
    "owner",
    "store",
    "path",
    "fields",
    "impact",
    "tags",
    "current_id",
];
/// Those that must be there.
const NEEDED: [&str; 3] = ["environment", "store", "path"];

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its rows.
    pub wishes: Vec<Wish>,
    /// Rows that are none.
    pub findings: Vec<Finding>,
    /// Columns that nobody reads, each with the nearest known one.
    pub ignored: Vec<(String, Option<String>)>,
}

/// Why a file is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// It may hold values.
    #[error("column `{0}` is named like a value: take it out, or rename it where it is none")]
    Values(String),
    /// A column is missing.
    #[error("there is no column `{0}`; its first line names the columns")]
    Missing(&'static str),
    /// A column is there twice.
    #[error("column `{0}` is there twice")]
    Twice(String),
    /// It cannot be read as CSV.
    #[error("not CSV in UTF-8: {0}")]
    Csv(String),
}

/// Reads a file: commas, semicolons or tabs, whichever its first line has most of.
///
/// # Errors
/// The first line is not as it must be, or the whole is not CSV.
pub fn sheet(text: &str) -> Result<Sheet, SheetError> {
    // Spreadsheets write a byte order mark, and lines end with two characters.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = &text.replace("\r\n", "\n");
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headings = reader.headers().map_err(broken)?;
    let headings: Vec<String> = headings.iter().map(str::to_lowercase).collect();
    let mut sheet = Sheet {
        ignored: known(&headings)?,
        ..Sheet::default()
    };
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = lines.of(&record);
        if record.iter().all(str::is_empty) {
            continue;
        }
        match wish(&headings, &record, line) {
            Ok(wish) => sheet.wishes.push(wish),
            Err(finding) => sheet.findings.push(finding),
        }
    }
    Ok(sheet)
}

/// Counts lines along with the records, for the reader's own count passes over blank ones.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, record: &StringRecord) -> usize {
        let byte = record.position().map_or(0, csv::Position::byte);
        let from = usize::try_from(byte).unwrap_or(self.at).max(self.at);
        let rest = self.text.get(from..).unwrap_or_default();
        let start = from + rest.len() - rest.trim_start_matches('\n').len();
        let passed = self.text.get(self.at..start).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.at = start;
        self.line
    }
}

/// Where it broke, without the text there.
fn broken(error: csv::Error) -> SheetError {
    let line = error.position().map(csv::Position::line);
    SheetError::Csv(line.map_or_else(
        || "its first line cannot be read".to_owned(),
        |line| format!("line {line} cannot be read"),
    ))
}

fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // Of equals the last is taken, so that the usual one stands there.
    let choice = [b'\t', b';', b','].into_iter().max_by_key(count);
    choice.unwrap_or(b',')
}

fn known(headings: &[String]) -> Result<Vec<(String, Option<String>)>, SheetError> {
    let mut ignored = Vec::new();
    for (index, heading) in headings.iter().enumerate() {
        if headings[..index].contains(heading) && !heading.is_empty() {
            return Err(SheetError::Twice(heading.clone()));
        }
        if COLUMNS.contains(&heading.as_str()) || heading.is_empty() {
            continue;
        }
        if is_named_like_one(&heading.replace(' ', "_")) {
            return Err(SheetError::Values(heading.clone()));
        }
        ignored.push((heading.clone(), did_you_mean(heading, COLUMNS)));
    }
    let missing = NEEDED
        .into_iter()
        .find(|needed| !headings.iter().any(|one| one == needed));
    missing.map_or(Ok(ignored), |missing| Err(SheetError::Missing(missing)))
}

fn wish(headings: &[String], record: &StringRecord, line: usize) -> Result<Wish, Finding> {
    let source = format!("line {line}");
    if record.len() > headings.len() {
        return Err(
            Finding::new(&source, "it has more cells than the first line has columns")
                .help("put cells with a comma into quotes"),
        );
    }
    let cell = |column: &str| {
        let at = headings.iter().position(|heading| heading == column)?;
        record.get(at).filter(|cell| !cell.is_empty())
    };
    if let Some(column) = COLUMNS
        .iter()
        .find(|column| cell(column).is_some_and(looks_like_one))
    {
        let problem = format!("column `{column}` looks like a credential");
        return Err(Finding::new(&source, problem)
            .help("a CSV file says where values lie and never holds one"));
    }
    let needed = |column: &str| {
        let missing = || Finding::new(&source, format!("column `{column}` is empty"));
        cell(column).map(str::to_owned).ok_or_else(missing)
    };
    let text = |column: &str| cell(column).map(str::to_owned);
    Ok(Wish {
        environment: needed("environment")?,
        store: needed("store")?,
        path: needed("path")?,
        fields: words(cell("fields")),
        name: text("name"),
        owner: text("owner"),
        impact: text("impact"),
        tags: words(cell("tags")),
        current_id: text("current_id"),
        source,
        ..Wish::default()
    })
}

/// Several words in one cell.
fn words(cell: Option<&str>) -> Vec<String> {
    let words = cell.unwrap_or_default().split([' ', ',', ';']);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{SheetError, sheet};

    #[test]
    fn a_spreadsheet_is_read_however_it_was_saved() {
        for text in [
            "environment,store,path,fields\nproduction,main,prod/a,X Y\n",
            "\u{feff}Environment;Store;Path;Fields\r\nproduction;main;prod/a;\"X;Y\"\r\n;;;\r\n",
            "environment,store,path,fields\n\n\nproduction,main,prod/a,X Y\n",
            "environment\tstore\tpath\tfields\nproduction\tmain\tprod/a\tX,Y\n",
        ] {
            let read = sheet(text).unwrap();
            assert_eq!(read.wishes.len(), 1, "{text:?}");
            let wish = &read.wishes[0];
            assert_eq!(
                (wish.path.as_str(), wish.fields.join(" ").as_str()),
                ("prod/a", "X Y")
            );
            let line = if text.contains("\n\n") {
                "line 4"
            } else {
                "line 2"
            };
            assert_eq!(wish.source, line);
        }
    }

    #[test]
    fn what_may_hold_values_is_refused() {
        let with = |column: &str| sheet(&format!("environment,store,path,{column}\n"));
        for column in ["password", "Value", "api key"] {
            assert!(
                matches!(with(column), Err(SheetError::Values(_))),
                "{column}"
            );
        }
        let text = "environment,store,path\nproduction,main,0123456789abcdef0123456789abcdef\n";
        let read = sheet(text).unwrap();
        assert_eq!(read.wishes, []);
        assert_eq!(
            read.findings[0].problem,
            "column `path` looks like a credential"
        );
        assert!(!format!("{:?}", read.findings).contains("0123456789abcdef"));
    }

    #[test]
    fn bad_rows_are_findings_with_their_line() {
        let text =
            "environment,store,path,ower\nproduction,,prod/a,x\nproduction,main,prod/b,x,y\n";
        let read = sheet(text).unwrap();
        let found: Vec<String> = read
            .findings
            .iter()
            .map(|finding| format!("{}: {}", finding.source, finding.problem))
            .collect();
        assert_eq!(
            found,
            [
                "line 2: column `store` is empty",
                "line 3: it has more cells than the first line has columns"
            ]
        );
        assert_eq!(read.ignored[0].0, "ower");
        assert!(
            read.ignored[0]
                .1
                .as_ref()
                .is_some_and(|near| near.contains("owner"))
        );
    }

    #[test]
    fn a_first_line_that_is_not_as_it_must_be_stops_it() {
        let missing = SheetError::Missing("store");
        assert_eq!(sheet("environment,path\n"), Err(missing));
        let twice = SheetError::Twice("path".to_owned());
        assert_eq!(sheet("environment,store,path,path\n"), Err(twice));
    }
}
