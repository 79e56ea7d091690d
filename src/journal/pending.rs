//! Changes that wait to be sent together: a message to the database costs several times what most statements do.
//!
//! SQLite takes several statements as one text and runs them in order, so that a question may follow the changes it
//! has to see. PostgreSQL takes one statement, which may carry others as `WITH` parts; those all see the state before,
//! and of two changes of one row only one would happen. There changes of one table are never sent together, and nothing
//! is asked together with changes.

use super::sql::{Arg, Dialect, MAX_ARGS};

/// Changes in their order, with their arguments.
#[derive(Default)]
pub(super) struct Pending {
    statements: Vec<String>,
    args: Vec<Arg>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether one more can go with those that wait.
    pub(super) fn takes(&self, dialect: Dialect, sql: &str, args: &[Arg]) -> bool {
        let alone = |table| self.statements.iter().all(|other| table_of(other) != table);
        let table = table_of(sql);
        let fits = self.args.len() + args.len() <= MAX_ARGS;
        fits && (dialect == Dialect::Sqlite || table.is_some() && alone(table))
    }

    pub(super) fn add(&mut self, sql: &str, args: &[Arg]) {
        self.statements.push(shifted(sql, self.args.len()));
        self.args.extend_from_slice(args);
    }

    /// All of them as one message.
    pub(super) fn take(&mut self, dialect: Dialect) -> (String, Vec<Arg>) {
        let mut statements = std::mem::take(&mut self.statements);
        let args = std::mem::take(&mut self.args);
        let sql = match (dialect, statements.pop()) {
            (_, None) => String::new(),
            (_, Some(only)) if statements.is_empty() => only,
            (Dialect::Sqlite, Some(last)) => format!("{}; {last}", statements.join("; ")),
            (Dialect::Postgres, Some(last)) => {
                let parts: Vec<String> = (1..)
                    .zip(&statements)
                    .map(|(n, statement)| format!("w{n} AS ({statement})"))
                    .collect();
                format!("WITH {} {last}", parts.join(", "))
            }
        };
        (sql, args)
    }
}

/// The table that a change is about; every statement here is a constant of this crate.
fn table_of(sql: &str) -> Option<&str> {
    let mut words = sql.split_ascii_whitespace();
    match (words.next()?, words.next()?) {
        ("UPDATE", table) => Some(table),
        ("INSERT", "INTO") | ("DELETE", "FROM") => words.next(),
        _ => None,
    }
}

/// The same statement with its arguments counted from `by` on. No constant of ours has a `$` of another meaning.
pub(super) fn shifted(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let number: usize = number.parse().unwrap_or_default();
        out.push_str(&format!("${}{rest}", number + by));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(changes: &[(&str, i64)]) -> Pending {
        let mut pending = Pending::default();
        for (sql, arg) in changes {
            assert!(pending.takes(Dialect::Postgres, sql, &[(*arg).into()]));
            pending.add(sql, &[(*arg).into()]);
        }
        pending
    }

    const ONE: &str = "INSERT INTO one (a, b) VALUES ($1, $1)";
    const TWO: &str = "UPDATE two SET a = $1 WHERE b = $1";

    #[test]
    fn sqlite_gets_them_in_order() {
        let (sql, args) = waiting(&[(ONE, 1), (TWO, 2)]).take(Dialect::Sqlite);
        assert_eq!(
            sql,
            "INSERT INTO one (a, b) VALUES ($1, $1); UPDATE two SET a = $2 WHERE b = $2"
        );
        assert_eq!(args.len(), 2);
    }

    #[test]
    fn postgres_gets_one_statement() {
        let (sql, _) = waiting(&[(ONE, 1), (TWO, 2)]).take(Dialect::Postgres);
        assert_eq!(
            sql,
            "WITH w1 AS (INSERT INTO one (a, b) VALUES ($1, $1)) UPDATE two SET a = $2 WHERE b = $2"
        );
    }

    #[test]
    fn postgres_never_gets_two_changes_of_one_table_or_a_question_with_changes() {
        let pending = waiting(&[(ONE, 1), (TWO, 2)]);
        let takes = |dialect, sql| pending.takes(dialect, sql, &[1_i64.into()]);
        for sql in ["DELETE FROM one WHERE a = $1", "SELECT a FROM three"] {
            assert!(!takes(Dialect::Postgres, sql));
            assert!(takes(Dialect::Sqlite, sql), "they run in order there");
        }
        assert!(takes(Dialect::Postgres, "DELETE FROM three WHERE a = $1"));
    }

    #[test]
    fn no_message_has_more_arguments_than_a_database_takes() {
        let mut pending = waiting(&[(ONE, 1)]);
        let many = vec![Arg::Int(1); MAX_ARGS - 1];
        assert!(pending.takes(Dialect::Sqlite, TWO, &many));
        pending.add(TWO, &many);
        assert!(!pending.takes(Dialect::Sqlite, TWO, &[1_i64.into()]));
    }

    #[test]
    fn one_alone_is_as_it_was() {
        assert_eq!(waiting(&[(TWO, 1)]).take(Dialect::Postgres).0, TWO);
    }
}
