//! Readings that travel together.
//!
//! A [`Query`] says in one place which rows are asked for, in which order, and how one of them is understood. Alone it
//! is a statement like any other. In a [`Bundle`] it is one column of a statement, whose text is a JSON array of its
//! rows: a message to the database costs several times what most readings do, and one statement sees one moment.
//! The functions that write the arrays are the only words that differ between the dialects.

use super::error::{Error, Result};
use super::pending::shifted;
use super::sql::{Arg, Dialect, Row, Tx};
use serde_json::Value;
use std::sync::Arc;

/// One reading: rows of one kind, in their order.
pub struct Query<T> {
    /// Names of columns, separated by commas.
    pub(super) columns: &'static str,
    /// What follows `FROM`; arguments are counted from `$1`.
    pub(super) from: String,
    /// What follows `ORDER BY`.
    pub(super) order: &'static str,
    /// Every argument.
    pub(super) args: Vec<Arg>,
    /// How a row is understood.
    pub(super) read: fn(&Row) -> Result<T>,
}

/// Readings on their way to the database.
#[derive(Default)]
pub struct Bundle {
    asked: Vec<Asked>,
    args: Vec<Arg>,
}

/// A reading without the type of its rows, its arguments counted from the bundle's first.
struct Asked {
    columns: &'static str,
    from: String,
    order: &'static str,
}

/// Where the rows of one reading of a bundle are found.
pub struct Part<T> {
    at: usize,
    read: fn(&Row) -> Result<T>,
}

/// The rows of every reading of a bundle.
pub struct Told(Vec<Vec<Row>>);

impl Bundle {
    /// Adds one; its rows are taken out of what is told by the part that comes back.
    pub fn add<T>(&mut self, query: Query<T>) -> Part<T> {
        self.asked.push(Asked {
            columns: query.columns,
            from: shifted(&query.from, self.args.len()),
            order: query.order,
        });
        self.args.extend(query.args);
        Part {
            at: self.asked.len() - 1,
            read: query.read,
        }
    }

    fn statement(&self, dialect: Dialect) -> String {
        let parts = (0..).zip(&self.asked);
        let parts: Vec<String> = parts
            .map(|(n, asked)| format!("({}) AS {}", asked.array(dialect), name(n)))
            .collect();
        format!("SELECT {}", parts.join(", "))
    }
}

impl Asked {
    /// All rows as one text; no rows are `[]` on SQLite and `NULL` on PostgreSQL.
    fn array(&self, dialect: Dialect) -> String {
        let (rows, row) = match dialect {
            Dialect::Sqlite => ("json_group_array", "json_array"),
            Dialect::Postgres => ("json_agg", "json_build_array"),
        };
        let (columns, from, order) = (self.columns, &self.from, self.order);
        format!("SELECT CAST({rows}({row}({columns}) ORDER BY {order}) AS TEXT) FROM {from}")
    }

    fn rows(&self, text: Option<&str>) -> Result<Vec<Row>> {
        let columns: Arc<[&'static str]> = self.columns.split(',').map(str::trim).collect();
        let rows: Vec<Vec<Value>> = serde_json::from_str(text.unwrap_or("[]"))
            .map_err(|e| Error::Unreadable(format!("rows of {}: {e}", self.from)))?;
        rows.into_iter()
            .map(|cells| Row::bundled(&columns, cells))
            .collect()
    }
}

fn name(n: usize) -> String {
    format!("part{n}")
}

impl Told {
    /// The rows of one reading.
    ///
    /// # Errors
    /// A row is not what it should be.
    pub fn all<T>(&self, part: &Part<T>) -> Result<Vec<T>> {
        self.0[part.at].iter().map(part.read).collect()
    }

    /// The first row of one reading, where there is one.
    ///
    /// # Errors
    /// The row is not what it should be.
    pub fn first<T>(&self, part: &Part<T>) -> Result<Option<T>> {
        self.0[part.at].first().map(part.read).transpose()
    }
}

impl Tx {
    /// Every row of one reading.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn all<T>(&mut self, query: Query<T>) -> Result<Vec<T>> {
        let (columns, from, order) = (query.columns, &query.from, query.order);
        let sql = format!("SELECT {columns} FROM {from} ORDER BY {order}");
        let rows = self.rows(sql, &query.args).await?;
        rows.iter().map(query.read).collect()
    }

    /// The first row of one reading, where there is one.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn first<T>(&mut self, query: Query<T>) -> Result<Option<T>> {
        Ok(self.all(query).await?.into_iter().next())
    }

    /// Every row of several readings, with one message; with none where nothing is asked.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn together(&mut self, bundle: &Bundle) -> Result<Told> {
        if bundle.asked.is_empty() {
            return Ok(Told(Vec::new()));
        }
        let sql = bundle.statement(self.dialect());
        let row = self.row(sql, &bundle.args).await?;
        let row = row.ok_or_else(|| Error::Unreadable("a row of every part".into()))?;
        let parts = (0..).zip(&bundle.asked);
        parts
            .map(|(n, asked)| asked.rows(row.maybe_text(&name(n))?.as_deref()))
            .collect::<Result<_>>()
            .map(Told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(from: &str, arg: i64) -> Query<i64> {
        Query {
            columns: "a, b",
            from: from.to_owned(),
            order: "b",
            args: vec![arg.into()],
            read: |row| row.int("b"),
        }
    }

    fn bundle() -> Bundle {
        let mut bundle = Bundle::default();
        bundle.add(query("one WHERE a = $1", 1));
        bundle.add(query("two WHERE a = $1 OR b = $1", 2));
        bundle
    }

    #[test]
    fn each_reading_is_a_column_and_arguments_are_counted_on() {
        assert_eq!(
            bundle().statement(Dialect::Sqlite),
            "SELECT (SELECT CAST(json_group_array(json_array(a, b) ORDER BY b) AS TEXT) FROM one WHERE a = $1) \
             AS part0, (SELECT CAST(json_group_array(json_array(a, b) ORDER BY b) AS TEXT) FROM two \
             WHERE a = $2 OR b = $2) AS part1"
        );
        assert!(bundle().statement(Dialect::Postgres).starts_with(
            "SELECT (SELECT CAST(json_agg(json_build_array(a, b) ORDER BY b) AS TEXT) FROM one WHERE a = $1)"
        ));
        assert_eq!(bundle().args.len(), 2);
    }

    #[test]
    fn cells_are_found_by_the_names_of_their_columns() {
        let asked = &bundle().asked[0];
        let rows = asked.rows(Some(r#"[["x\u0000\"y", 9007199254740993], [null, -1]]"#));
        let rows = rows.unwrap();
        assert_eq!(rows[0].text("a").unwrap(), "x\0\"y");
        assert_eq!(rows[0].int("b").unwrap(), 9_007_199_254_740_993);
        assert_eq!(rows[1].maybe_text("a").unwrap(), None);
        assert_eq!(rows[1].maybe_int("b").unwrap(), Some(-1));
        assert!(asked.rows(None).unwrap().is_empty(), "no rows are none");
    }

    #[test]
    fn what_is_not_as_asked_is_an_error() {
        let asked = &bundle().asked[0];
        let rows = asked.rows(Some(r#"[[null, "1"]]"#)).unwrap();
        assert!(rows[0].text("a").is_err(), "NULL is no text");
        assert!(rows[0].int("b").is_err(), "a text is no number");
        assert!(rows[0].maybe_int("b").is_err());
        assert!(
            rows[0].maybe_text("c").is_err(),
            "a column nobody asked for"
        );
        for broken in [r#"[["x"]]"#, r#"[["x", 1, 2]]"#, "[1]", "{}", ""] {
            assert!(asked.rows(Some(broken)).is_err(), "{broken}");
        }
    }
}
