//! Names and texts inside statements, for `ALTER USER` takes no parameters.

/// An account, as statements name it.
pub(crate) fn account(user: &str, host: &str) -> String {
    format!("{}@{}", name(user), name(host))
}

/// In back quotes, which no SQL mode reads otherwise.
fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

/// A text as a hexadecimal literal: whatever it is, nothing of it is read as SQL.
pub(crate) fn text(text: &str) -> String {
    format!("X'{}'", hex::encode(text))
}

/// A text as `USING` and `AS` want it, which take no hexadecimal literal everywhere; `None` where it has a character
/// that some SQL mode could take for more than itself.
pub(crate) fn plain(text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '\'' | '"' | '\\');
    text.chars().all(fits).then(|| format!("'{text}'"))
}

#[cfg(test)]
mod tests {
    use super::{account, plain, text};

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        assert_eq!(account("a`b", "%"), "`a``b`@`%`");
        assert_eq!(text("x' OR '1"), "X'7827204f52202731'");
        assert_eq!(plain("*0A/$b.c"), Some("'*0A/$b.c'".to_owned()));
        for wrong in ["a'b", "a\"b", "a\\b", "a b", "ä", "a\n"] {
            assert_eq!(plain(wrong), None, "{wrong}");
        }
    }
}
