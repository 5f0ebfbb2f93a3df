//! What a member's reason leaves open: which character, and which entry of `data`; never the value.

use serde_json::value::RawValue;

use super::{members::Members, page::quoted, rules::one};

/// A word more about a member that breaks its rule, if there is one.
pub(crate) fn of(name: &str, raw: &RawValue) -> Option<String> {
    if name == "data" {
        return of_data(raw.get());
    }
    let text = match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw.get()).ok()?,
        b'0'..=b'9' | b'-' => raw.get().to_owned(),
        _ => return None,
    };
    match name {
        "accountNumber" | "dob" => foreign(&text, |c| c.is_ascii_digit()),
        "isdCode" | "mobileNumber" => {
            let rest = text.strip_prefix('+').unwrap_or(&text);
            let skipped = text.chars().count() - rest.chars().count();
            foreign_after(rest, skipped, |c| c.is_ascii_digit())
        }
        "referenceId" => foreign(&text, |c| c.is_ascii_alphanumeric() || "._:-".contains(c)),
        "sdkApiKey" => foreign(&text, |c| matches!(c, ' '..='~')),
        "sdkPublicKey" if text.starts_with("-----BEGIN") => {
            Some("it is PEM: a JWK is due".to_owned())
        }
        "sdkPublicKey" if text.starts_with('{') => {
            Some("it is the JWK itself: encode it in base64url".to_owned())
        }
        "sdkPublicKey" => foreign(&text, |c| c.is_ascii_alphanumeric() || "-_+/=".contains(c)),
        "email" => of_email(&text),
        "firstName" | "firstname" | "lastName" | "lastname" | "name" => {
            foreign(&text, |c| !c.is_control())
        }
        _ => None,
    }
}

fn of_email(text: &str) -> Option<String> {
    if let Some(hint) = foreign(text, |c| c.is_ascii_graphic()) {
        let domain = text.rsplit_once('@').map_or("", |(_, domain)| domain);
        return Some(match domain.is_ascii() {
            true => hint,
            false => format!("{hint}. A domain beyond ASCII is written in punycode, xn--..."),
        });
    }
    match text.matches('@').count() {
        0 => Some("it has no @".to_owned()),
        1 => None,
        many => Some(format!("it has {many} @")),
    }
}

fn foreign(text: &str, allowed: impl Fn(char) -> bool) -> Option<String> {
    foreign_after(text, 0, allowed)
}

/// The first character that cannot stand there, `skipped` characters behind the beginning.
fn foreign_after(text: &str, skipped: usize, allowed: impl Fn(char) -> bool) -> Option<String> {
    let (at, character) = text.chars().enumerate().find(|(_, c)| !allowed(*c))?;
    Some(format!(
        "{} at character {}",
        one(character),
        at + 1 + skipped
    ))
}

/// The first entry that breaks a rule, by its key.
fn of_data(raw: &str) -> Option<String> {
    let entries = Members::parse(raw).ok()?;
    let count = entries.iter().count();
    if count > 32 {
        return Some(format!("it has {count}"));
    }
    let mut bytes = 0;
    for (key, value) in entries.iter() {
        let length = key.chars().count();
        let Ok(text) = serde_json::from_str::<String>(value.get()) else {
            let kind = match value.get().as_bytes().first()? {
                b'{' => "an object",
                b'[' => "an array",
                b't' | b'f' => "true or false",
                b'n' => "null",
                _ => "a number",
            };
            return Some(format!("the value of {} is {kind}", quoted(key)));
        };
        if !(1..=64).contains(&length) {
            return Some(format!("the key {} has {length} characters", quoted(key)));
        }
        let length = text.chars().count();
        if length > 1024 {
            return Some(format!(
                "the value of {} has {length} characters",
                quoted(key)
            ));
        }
        bytes += key.len() + text.len();
    }
    (bytes > 8192).then(|| format!("it has {bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(name: &str, json: &str) -> Option<String> {
        of(name, &RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn names_the_first_foreign_character_and_its_place() {
        for (name, json, expected) in [
            (
                "accountNumber",
                r#""١٢٣""#,
                "the character U+0661 at character 1",
            ),
            (
                "accountNumber",
                r#""12-34""#,
                "the character - at character 3",
            ),
            ("accountNumber", "1e3", "the character e at character 2"),
            (
                "mobileNumber",
                "\"+91 5\"",
                "the character U+0020 at character 4",
            ),
            (
                "mobileNumber",
                "\"+１\"",
                "the character U+FF11 at character 2",
            ),
            (
                "dob",
                r#""1991\u200b0807""#,
                "the character U+200B at character 5",
            ),
            ("isdCode", r#""+-1""#, "the character - at character 2"),
            ("referenceId", r#""a/b""#, "the character / at character 2"),
            (
                "sdkApiKey",
                r#""a\u0000""#,
                "the character U+0000 at character 2",
            ),
            ("name", r#""a\tb""#, "the character U+0009 at character 2"),
            (
                "sdkPublicKey",
                r#""eyJ\n""#,
                "the character U+000A at character 4",
            ),
        ] {
            assert_eq!(hint(name, json).as_deref(), Some(expected), "{json}");
        }
        assert!(
            hint("email", r#""a@bücher.example""#)
                .unwrap()
                .contains("punycode")
        );
        for (name, json) in [
            ("accountNumber", r#""12345678901234567890""#),
            ("dob", r#""19910230""#),
            ("mobileNumber", "true"),
            ("name", "[]"),
        ] {
            assert_eq!(hint(name, json), None, "{json}");
        }
    }

    #[test]
    fn names_the_entry_of_data_and_not_its_value() {
        let long = "x".repeat(1025);
        for (json, expected) in [
            (
                r#"{"a":"x","b":7}"#.to_owned(),
                r#"the value of "b" is a number"#,
            ),
            (r#"{"a":null}"#.to_owned(), r#"the value of "a" is null"#),
            (
                r#"{"a":{"secret":1}}"#.to_owned(),
                r#"the value of "a" is an object"#,
            ),
            (r#"{"":"x"}"#.to_owned(), r#"the key "" has 0 characters"#),
            (
                format!(r#"{{"a":"{long}"}}"#),
                r#"the value of "a" has 1025 characters"#,
            ),
        ] {
            assert_eq!(hint("data", &json).as_deref(), Some(expected));
        }
        let many: Vec<String> = (0..33).map(|at| format!(r#""k{at}":"""#)).collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(hint("data", &many).as_deref(), Some("it has 33"));
        assert_eq!(hint("data", "[]"), None);
    }
}
