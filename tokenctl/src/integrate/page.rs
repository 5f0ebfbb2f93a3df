//! What a person reads: headings, ticks and crosses. Colours are taken out on the way to a pipe.

use std::fmt::{Display, Write};

use anstyle::{AnsiColor, Style};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// A page that grows downwards.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn heading(&mut self, text: impl Display) {
        self.line(format_args!("{BOLD}{text}{BOLD:#}"));
    }

    /// Something that holds.
    pub(crate) fn tick(&mut self, text: impl Display) {
        self.line(format_args!("  {GREEN}✓{GREEN:#} {text}"));
    }

    /// Something that does not.
    pub(crate) fn cross(&mut self, text: impl Display) {
        self.line(format_args!("  {RED}✗{RED:#} {text}"));
    }

    /// Something that may not be meant.
    pub(crate) fn warning(&mut self, text: impl Display) {
        self.line(format_args!("  {YELLOW}!{YELLOW:#} {text}"));
    }

    pub(crate) fn remark(&mut self, text: impl Display) {
        self.line(format_args!("  {DIM}{text}{DIM:#}"));
    }

    /// A line as it is.
    pub(crate) fn line(&mut self, text: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{text}");
    }

    /// All of it, without its last line break.
    pub(crate) fn text(self) -> String {
        self.0.trim_end().to_owned()
    }
}

/// A stranger's text in quotes, escaped, so that nothing of it can pass for this program's words or
/// move the cursor, and cut where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 200;
    let shown: String = text.chars().take(SHOWN).collect();
    let rest = if text.chars().nth(SHOWN).is_some() {
        "..."
    } else {
        ""
    };
    format!("{shown:?}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_cannot_move_the_cursor() {
        assert_eq!(quoted("a\u{1b}[2J\n"), r#""a\u{1b}[2J\n""#);
        assert!(quoted(&"x".repeat(300)).ends_with("\"..."));
    }
}
