//! What becomes of JSON and keys that were copied out of a document: quotes are curly, ends are cut
//! off.

/// The quotes that word processors make of straight ones.
pub const CURLY_QUOTES: &str = "“”„‟‘’‚‛«»";

/// Where a text stops being JSON, and why if that can be seen, without a word of the text: it may
/// hold keys.
///
/// `line` and `column` are as `serde_json` counts them: from 1, columns in bytes, at the last byte
/// that was read.
pub fn where_json_breaks(text: &str, line: usize, column: usize) -> String {
    let in_line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let character = in_line
        .char_indices()
        .find(|(at, character)| at + character.len_utf8() >= column);
    // A person's editor counts characters.
    let starts = in_line.char_indices().take_while(|(at, _)| *at < column);
    let shown = starts.count().max(1);
    let lines_before = text.split('\n').take(line.saturating_sub(1));
    let start: usize = lines_before.map(|line| line.len() + 1).sum();
    let before = text
        .get(..start + column.saturating_sub(1))
        .unwrap_or_default();
    let at_end = text.lines().count() <= line && column >= in_line.len();
    let why = match character {
        Some((_, character)) if CURLY_QUOTES.contains(character) => {
            "a curly quote, as from a document, where a straight one (\") is due"
        }
        Some((_, '\'')) => "a single quote, where a double one (\") is due",
        Some((_, '\u{feff}')) => "a byte order mark, which JSON does not have",
        Some((_, '}' | ']')) if before.trim_end().ends_with(',') => {
            "a comma before the end, where nothing follows"
        }
        _ if at_end && !is_closed(text) => "it is cut off",
        _ => "the syntax is wrong",
    };
    format!("line {line}, column {shown}: {why}")
}

/// Whether the text ends as a JSON object or array does.
fn is_closed(text: &str) -> bool {
    text.trim_end().ends_with(['}', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> String {
        let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
        where_json_breaks(text, error.line(), error.column())
    }

    #[test]
    fn names_a_curly_quote_and_its_place() {
        let fault = explained("{\n  “name”: 1}");
        assert!(
            fault.starts_with("line 2, column 3: a curly quote"),
            "{fault}"
        );
    }

    #[test]
    fn counts_characters_and_not_bytes() {
        let fault = explained(r#"{"é": “a”}"#);
        assert!(
            fault.starts_with("line 1, column 7: a curly quote"),
            "{fault}"
        );
    }

    #[test]
    fn tells_what_is_cut_off_from_what_is_wrong() {
        assert!(explained("{\"a\": \"b").ends_with("it is cut off"));
        assert!(
            explained("{\"a\": 1,}")
                .ends_with("line 1, column 9: a comma before the end, where nothing follows")
        );
        assert!(explained("{\"a\": [1,\r\n ]}").contains("line 2, column 2: a comma before"));
        assert!(explained("{\"a\": 1 \"b\"}").ends_with("the syntax is wrong"));
        assert!(explained("{'a': 1}").contains("single quote"));
        assert!(explained("\u{feff}{}").contains("byte order mark"));
    }
}
