//! The page's files, as they are in `page/`: nothing is built, and nothing is fetched from
//! elsewhere.

use http::{HeaderValue, Response, header};

use bytes::Bytes;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($(($name:literal, $media_type:expr)),+ $(,)?) => {
        [$(($name, $media_type, include_str!(concat!("../../page/", $name)))),+]
    };
}

/// Name, media type and text of each file. The tests hold the list against the folder.
static FILES: [(&str, &str, &str); 18] = files![
    ("index.html", HTML),
    ("style.css", CSS),
    ("parts.css", CSS),
    ("icon.svg", SVG),
    ("main.js", JS),
    ("advice.js", JS),
    ("breaks.js", JS),
    ("dom.js", JS),
    ("form.js", JS),
    ("jose.js", JS),
    ("json.js", JS),
    ("kept.js", JS),
    ("outages.js", JS),
    ("recent.js", JS),
    ("request.js", JS),
    ("rules.js", JS),
    ("session.js", JS),
    ("steps.js", JS),
];

/// The file of this name; the empty name is the page itself.
pub(super) fn file(name: &str) -> Option<Response<Bytes>> {
    let name = if name.is_empty() { "index.html" } else { name };
    let (_, media_type, text) = FILES.iter().find(|(known, ..)| *known == name)?;
    let mut answer = Response::new(Bytes::from_static(text.as_bytes()));
    let media_type = HeaderValue::from_static(media_type);
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let there: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        let served: BTreeSet<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(served, there);
        assert!(file("").is_some());
        assert!(file("../Cargo.toml").is_none());
    }

    /// What the policy would block, and what would reach out of this machine.
    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for (name, _, text) in &FILES {
            for refused in [
                "<style",
                " style=",
                "onclick=",
                "javascript:",
                "innerHTML",
                "eval(",
                "@import url(",
            ] {
                assert!(!text.contains(refused), "{name} has {refused}");
            }
            let without_namespace = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !without_namespace.contains("https://") || !name.ends_with(".html"),
                "{name} names another origin"
            );
        }
        let (_, _, html) = FILES[0];
        let scripts: Vec<_> = html.matches("<script").collect();
        assert_eq!(scripts.len(), 1, "one module, and no inline script");
    }
}
