//! Names and texts in statements: `ALTER ROLE` takes no parameters (pure).

/// A name, whatever its characters.
pub(crate) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A text. Written with escapes, so that it means the same whatever `standard_conforming_strings` says.
pub(crate) fn text(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::{name, text};

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        assert_eq!(name(r#"a"; DROP"#), r#""a""; DROP""#);
        assert_eq!(text(r"a'; DROP \ b"), r"E'a\'; DROP \\ b'");
        assert_eq!(text("a\nb"), "E'a\nb'");
    }
}
