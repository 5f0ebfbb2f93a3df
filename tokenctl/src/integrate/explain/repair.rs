//! What is nearly JSON, and what it was meant to be: JavaScript, Python and hand-written text.

use peers::pasted::CURLY_QUOTES;
use serde_json::value::RawValue;

/// A thing that JSON does not have, and where: in bytes.
pub(super) struct Slip {
    pub(super) at: usize,
    pub(super) is: &'static str,
}

/// The JSON that was meant, and the first slip of each kind; `None` if it is not to be told.
pub(super) fn repair(text: &str) -> Option<(String, Vec<Slip>)> {
    let mut repair = Repair {
        text,
        at: 0,
        meant: String::new(),
        slips: Vec::new(),
    };
    repair.all()?;
    let Repair { meant, slips, .. } = repair;
    let is_json = serde_json::from_str::<&RawValue>(&meant).is_ok();
    (is_json && !slips.is_empty()).then_some((meant, slips))
}

struct Repair<'t> {
    text: &'t str,
    at: usize,
    meant: String,
    slips: Vec<Slip>,
}

impl Repair<'_> {
    fn all(&mut self) -> Option<()> {
        while let Some(character) = self.peek() {
            match character {
                '"' => self.string('"', None)?,
                '\'' => {
                    self.string('\'', Some("a single quote, where a double one (\") is due"))?
                }
                c if CURLY_QUOTES.contains(c) => self.string(
                    c,
                    Some("a curly quote, as from a document, where a straight one (\") is due"),
                )?,
                ',' => self.comma(),
                '/' | '#' => self.comment()?,
                '=' => self.equals(),
                c if c.is_alphabetic() || c == '_' || c == '$' => self.word()?,
                c if c.is_ascii_digit() || c == '-' || c == '+' => self.number()?,
                '\u{a0}' => {
                    self.slip("a no-break space, where a space is due");
                    self.take();
                }
                c => {
                    self.take();
                    self.meant.push(c);
                }
            }
        }
        Some(())
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn slip(&mut self, is: &'static str) {
        if self.slips.iter().all(|slip| slip.is != is) {
            self.slips.push(Slip { at: self.at, is });
        }
    }

    fn string(&mut self, open: char, slip: Option<&'static str>) -> Option<()> {
        if let Some(is) = slip {
            self.slip(is);
        }
        let closes = |c: char| c == open || CURLY_QUOTES.contains(open) && CURLY_QUOTES.contains(c);
        self.take();
        self.meant.push('"');
        loop {
            match self.peek()? {
                c if closes(c) => {
                    self.take();
                    self.meant.push('"');
                    return Some(());
                }
                '\\' => {
                    self.take();
                    match self.take()? {
                        '\'' => self.meant.push('\''),
                        c if "\"\\/bfnrtu".contains(c) => self.meant.extend(['\\', c]),
                        c => {
                            self.slip("behind a backslash that JSON does not have: it is written twice (\\\\)");
                            self.meant.extend(['\\', '\\', c]);
                        }
                    }
                }
                '"' => {
                    self.take();
                    self.meant.push_str("\\\"");
                }
                c if c.is_control() && c < ' ' => {
                    self.slip("a control character inside a string, which is written with \\");
                    self.take();
                    self.meant.push_str(&format!("\\u{:04x}", u32::from(c)));
                }
                c => {
                    self.take();
                    self.meant.push(c);
                }
            }
        }
    }

    fn comma(&mut self) {
        let after = self.rest().get(1..).unwrap_or_default().trim_start();
        if after.starts_with(['}', ']']) {
            self.slip("a comma before the end, where nothing follows");
        } else {
            self.meant.push(',');
        }
        self.take();
    }

    /// A pair as Ruby, PHP and Java write it.
    fn equals(&mut self) {
        self.slip("= or =>, where a colon is due");
        self.take();
        if self.peek() == Some('>') {
            self.take();
        }
        self.meant.push(':');
    }

    fn comment(&mut self) -> Option<()> {
        let rest = self.rest();
        let length = if rest.starts_with("//") || rest.starts_with('#') {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/")? + 2
        } else {
            return None;
        };
        self.slip("a comment, which JSON does not have");
        self.at += length;
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let rest = self.rest();
        let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '-');
        let word = rest
            .get(..rest.find(ends).unwrap_or(rest.len()))?
            .to_owned();
        let is_name = rest.get(word.len()..)?.trim_start().starts_with(':');
        match (is_name, word.as_str()) {
            (true, _) => {
                self.slip("a name without double quotes");
                self.meant.push_str(&format!("\"{word}\""));
            }
            (false, "true" | "false" | "null") => self.meant.push_str(&word),
            (false, "NaN" | "Infinity") => {
                self.slip("NaN or Infinity, which is no JSON: leave the member out");
                self.meant.push_str("null");
            }
            (false, "None" | "undefined" | "nil" | "NULL" | "Null") => {
                self.slip("None, undefined or nil, where null is due, or no member at all");
                self.meant.push_str("null");
            }
            (false, "True" | "TRUE") => {
                self.slip("True or False, where true or false is due");
                self.meant.push_str("true");
            }
            (false, "False" | "FALSE") => {
                self.slip("True or False, where true or false is due");
                self.meant.push_str("false");
            }
            (false, _) => return None,
        }
        self.at += word.len();
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = self.rest();
        let ends = |c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c));
        let number = rest
            .get(..rest.find(ends).unwrap_or(rest.len()))?
            .to_owned();
        if matches!(number.as_str(), "-Infinity" | "+Infinity" | "-NaN") {
            self.slip("NaN or Infinity, which is no JSON: leave the member out");
            self.meant.push_str("null");
        } else if serde_json::from_str::<&RawValue>(&number).is_ok() {
            self.meant.push_str(&number);
        } else {
            let is_zeros = number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
            self.slip(match is_zeros {
                true => "a number that begins with 0: write it as a string",
                false => "a number that JSON does not have: write it as a string",
            });
            self.meant.push_str(&format!("\"{number}\""));
        }
        self.at += number.len();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_meant_and_names_each_slip_once() {
        for (text, meant, slips) in [
            (
                r#"{'a': 'it\'s "x"', 'b': None}"#,
                r#"{"a": "it's \"x\"", "b": null}"#,
                2,
            ),
            ("{“a”: “b”}", r#"{"a": "b"}"#, 1),
            (
                r#"{a: NaN, $b: -Infinity,}"#,
                r#"{"a": null, "$b": null}"#,
                3,
            ),
            ("{\"a\": 007 // why\n}", "{\"a\": \"007\" \n}", 2),
            ("{\"a\": \"x\ny\" /* c */}", "{\"a\": \"x\\u000ay\" }", 2),
            (
                "{\"a\": True, \"b\": +1}",
                "{\"a\": true, \"b\": \"+1\"}",
                2,
            ),
        ] {
            let (repaired, found) = repair(text).unwrap();
            assert_eq!((repaired.as_str(), found.len()), (meant, slips), "{text}");
        }
        for other in ["{\"a\":1}", "{a b}", "{\"a\": \"b", "hello", "{'a': 1"] {
            assert!(repair(other).is_none(), "{other}");
        }
    }
}
