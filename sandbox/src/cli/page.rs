//! What a person reads: headings, JSON, ticks. Coloured at a terminal, plain anywhere else and with
//! `NO_COLOR`.

use std::{fmt::Display, io::Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Deserializer, Serializer};

/// How far everything below a heading is moved in.
const INDENT: &str = "   ";
/// Long lines without spaces are cut at this many characters.
const WIDTH: usize = 100;
/// How much of a long line is kept where it is shortened: from its beginning, and from its end.
const KEPT: (usize, usize) = (65, 25);

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

/// Standard output. A reader that has gone away is nobody's problem, so writing does not fail.
pub(crate) struct Page {
    out: Box<dyn Write>,
}

impl Page {
    pub(crate) fn new() -> Self {
        Self {
            out: Box::new(anstream::stdout()),
        }
    }

    /// A page that nobody reads.
    #[cfg(test)]
    pub(crate) fn blank_sheet() -> Self {
        Self {
            out: Box::new(std::io::sink()),
        }
    }

    /// A line at the margin, as it is.
    pub(crate) fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.line(format!("\n{BOLD}{text}{BOLD:#}"));
    }

    /// A remark about what is shown.
    pub(crate) fn remark(&mut self, text: &str) {
        self.line(format!("{INDENT}{DIM}{text}{DIM:#}"));
    }

    /// Text, moved in, with long lines cut so that a JWE is a block.
    pub(crate) fn text(&mut self, text: &str) {
        for line in text.lines() {
            let characters: Vec<char> = line.chars().collect();
            for piece in characters.chunks(WIDTH) {
                self.line(format!("{INDENT}{}", piece.iter().collect::<String>()));
            }
        }
    }

    /// The same, with long lines shortened in their middle.
    pub(crate) fn brief(&mut self, text: &str) {
        for line in text.lines() {
            self.line(format!("{INDENT}{}", shortened(line)));
        }
    }

    pub(crate) fn blank(&mut self) {
        self.line("");
    }

    /// JSON, indented, its members in their own order. What is not JSON is shown as it is.
    pub(crate) fn json(&mut self, json: &[u8]) {
        self.text(&indented(json).unwrap_or_else(|| String::from_utf8_lossy(json).into_owned()));
    }

    /// The same, with long lines shortened in their middle.
    pub(crate) fn brief_json(&mut self, json: &[u8]) {
        self.brief(&indented(json).unwrap_or_else(|| String::from_utf8_lossy(json).into_owned()));
    }

    /// What the function has logged, if anything.
    pub(crate) fn log(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.remark("The function's log:");
            for line in lines {
                self.line(format!("{INDENT}{line}"));
            }
        }
    }

    /// Something that holds.
    pub(crate) fn tick(&mut self, text: &str) {
        self.line(format!("{INDENT}{GREEN}✓{GREEN:#} {text}"));
    }

    /// Something that does not.
    pub(crate) fn cross(&mut self, text: &str) {
        self.line(format!("{INDENT}{RED}✗ {text}{RED:#}"));
    }
}

fn indented(json: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    let mut from = Deserializer::from_slice(json);
    serde_transcode::transcode(&mut from, &mut Serializer::pretty(&mut text)).ok()?;
    from.end().ok()?;
    String::from_utf8(text).ok()
}

fn shortened(line: &str) -> String {
    let characters: Vec<char> = line.chars().collect();
    if characters.len() <= WIDTH {
        return line.to_owned();
    }
    let beginning = characters.iter().take(KEPT.0);
    let end = characters.iter().skip(characters.len() - KEPT.1);
    let ellipsis = " ... ".chars();
    beginning
        .copied()
        .chain(ellipsis)
        .chain(end.copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_a_long_line_in_its_middle() {
        let line = |middle: usize| format!("a{}z", "-".repeat(middle));
        assert_eq!(shortened(&line(98)), line(98));
        assert_eq!(
            shortened(&line(99)),
            format!("a{} ... {}z", "-".repeat(64), "-".repeat(24))
        );
    }

    #[test]
    fn indents_json_in_its_own_order() {
        let text = indented(br#"{"z":1,"a":[true],"n":12345678901234567890}"#).unwrap();
        assert_eq!(
            text,
            "{\n  \"z\": 1,\n  \"a\": [\n    true\n  ],\n  \"n\": 12345678901234567890\n}"
        );
        assert_eq!(indented(b"{} trailing"), None);
    }
}
