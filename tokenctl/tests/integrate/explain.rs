//! `tokenctl explain`: what goes beyond the vectors.

use std::time::{Duration, Instant};

use flate2::{
    Compression,
    read::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use peers::{jwe, sdk::KeyPair};
use serde_json::{Value, json};

use super::run::{Ended, Folder, acme, tokenctl_of};

fn explain(body: impl AsRef<[u8]>, more: &[&str]) -> Ended {
    let folder = Folder::new();
    let credentials = folder.credentials(|_| ());
    let line = ["explain", "--credentials", &credentials];
    tokenctl_of(body, &[&line[..], more].concat())
}

fn request() -> Value {
    json!({
        "referenceId": "explain:1",
        "sdkPublicKey": KeyPair::generate().public_key(),
        "sdkApiKey": "ABCDEFGH",
        "accountNumber": "0042",
        "dob": "07081991",
        "email": "someone@example.com",
    })
}

fn sealed(text: &str) -> String {
    jwe::seal(
        text.as_bytes(),
        &acme().payload_keys[0].k,
        Some("acme-2026-11"),
    )
}

fn says(ended: &Ended, lines: &[&str]) {
    for line in lines {
        assert!(ended.out.contains(line), "no {line} in\n{}", ended.out);
    }
}

#[test]
fn a_sound_request_is_explained_without_its_values() {
    let ended = explain(sealed(&request().to_string()), &[]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(
        &ended,
        &[
            "✓ alg is dir",
            "✓ the key \"acme-2026-11\" opens it",
            "✓ accountNumber is a string of 4 characters: kept as 4 digits",
            "read as ddMMyyyy",
            "Nothing is wrong with this request.",
        ],
    );
    assert!(ended.hides("0042") && ended.hides("someone@") && ended.hides("ABCDEFGH"));
    let revealed = explain(sealed(&request().to_string()), &["--reveal"]);
    says(
        &revealed,
        &["\"0042\"", "\"19910807\"", "someone@example.com"],
    );
    assert!(revealed.hides("ABCDEFGH"));
}

#[test]
fn misspellings_are_named_and_ignored_members_too() {
    let mut request = request();
    for name in ["refrenceId", "mobile_number", "colour"] {
        request[name] = "x".into();
    }
    request["firstname"] = "x".into();
    let ended = explain(sealed(&request.to_string()), &[]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(
        &ended,
        &[
            "! \"refrenceId\" is ignored. Is referenceId meant?",
            "! \"mobile_number\" is ignored. Is mobileNumber meant?",
            "\"colour\" is ignored: no such member",
            "firstname is a string of 1 characters: read as firstName",
        ],
    );
}

#[test]
fn goes_on_behind_the_first_fault() {
    // Padding, a wrong alg, another key than the one named, curly quotes, a repeated member, and
    // two rules.
    let text = "{“referenceId”:“a/b”,\"accountNumber\":\"1\",\"data\":{\"k\":\"1\",\"k\":\"2\"},\"dob\":1}";
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"acme-2026-11"}"#;
    let body = jwe::seal_with_header(header, text.as_bytes(), &acme().payload_keys[1].k, [5; 12]);
    let ended = explain(format!("“{body}==”"), &[]);
    assert_eq!(ended.code, 6);
    says(
        &ended,
        &[
            "✗ it has curly quotes around it",
            "✗ the tag is not base64url without padding: it has padding (=) at character 23",
            "✗ alg is \"A256KW\", and must be dir",
            "✗ it names the key \"acme-2026-11\", but another key opens it, \"acme-2026-05\"",
            "✗ it is not JSON: line 1, column 2: a curly quote",
            "✗ the member data.k is repeated",
            "✗ referenceId must be 1-64",
            "✗ dob must be a real date",
            "✗ sdkPublicKey is required",
            "✓ accountNumber",
            "data was not read",
        ],
    );
}

#[test]
fn finds_where_a_library_differs() {
    let key = &acme().payload_keys[0].k;
    let text = request().to_string();
    let jwe = jwe::seal(text.as_bytes(), key, None);
    let (rest, tag) = jwe.rsplit_once('.').unwrap();
    // Base64 of a length that is a multiple of 3 bytes can be put together.
    let text = format!("{text}{}", " ".repeat((3 - text.len() % 3) % 3));
    let aligned = jwe::seal(text.as_bytes(), key, None);
    let (start, end) = aligned.rsplit_once('.').unwrap();
    for (body, mention) in [
        (
            format!("{start}{end}."),
            "its tag is at the end of the ciphertext",
        ),
        (
            jwe.replacen("..", ".", 1),
            "the empty one for the encrypted key is missing",
        ),
        (base64(&jwe), "a JWE in base64 as a whole"),
        (format!("{rest}.{tag}"), "Nothing is wrong"),
    ] {
        let ended = explain(&body, &[]);
        says(&ended, &[mention]);
        // All of them could be opened and looked at.
        says(&ended, &["✓ accountNumber"]);
    }
}

fn hex_of_segment(segment: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(segment).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(text: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(text)
}

/// Whatever is around a JWE is named and taken off, and what is inside is looked at: with one cross
/// for each layer, and none that follows from another.
#[test]
fn what_is_around_a_jwe_is_named_and_taken_off() {
    let jwe = sealed(&request().to_string());
    let segments: Vec<&str> = jwe.split('.').collect();
    let [protected, _, iv, ciphertext, tag] = segments[..] else {
        panic!("five segments")
    };
    let wide = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect()
    };
    let lines = jwe.as_bytes().chunks(64);
    let lines: Vec<&str> = lines
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let flattened =
        json!({ "protected": protected, "iv": iv, "ciphertext": ciphertext, "tag": tag });
    let mut general = flattened.clone();
    general["recipients"] = json!([{}]);
    let bytes: Vec<u8> = jwe.bytes().collect();
    let numbered = bytes
        .iter()
        .enumerate()
        .map(|(at, byte)| (at.to_string(), json!(byte)));
    let part = "--xyz\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n";
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            json!({ "encryptedData": jwe }).to_string().into(),
            "inside JSON, at \"encryptedData\"",
        ),
        (
            json!({ "a": { "b": [{ "c": jwe }] } }).to_string().into(),
            "inside JSON, at \"a.b[0].c\"",
        ),
        (json!([jwe]).to_string().into(), "inside JSON, at \"[0]\""),
        (
            json!({ "data": base64(&jwe) }).to_string().into(),
            "inside JSON, at \"data\"",
        ),
        (
            json!({ "body": flattened }).to_string().into(),
            "inside JSON, at \"body\"",
        ),
        (
            flattened.to_string().into(),
            "its flattened JSON serialization",
        ),
        (general.to_string().into(), "its general JSON serialization"),
        (
            json!(segments).to_string().into(),
            "a JSON list of the five segments",
        ),
        (json!(bytes).to_string().into(), "its bytes as a JSON list"),
        (
            json!({ "type": "Buffer", "data": bytes })
                .to_string()
                .into(),
            "its bytes as a JSON list",
        ),
        (
            Value::Object(numbered.collect()).to_string().into(),
            "its bytes as a JSON list",
        ),
        (
            json!({ "referenceId": "explain:1", "data": jwe })
                .to_string()
                .into(),
            "inside JSON, at \"data\"",
        ),
        (
            json!({ "error": null, "jwe": jwe }).to_string().into(),
            "inside JSON, at \"jwe\"",
        ),
        (lines.join(" ").into(), "white space at character"),
        (lines.join("\u{a0}").into(), "white space at character"),
        (jwe.replace('.', " . ").into(), "white space at character"),
        (
            format!("> {}", lines.join("\n> ")).into(),
            "line breaks in it",
        ),
        (
            format!("\"{}\"", lines.join("\" +\n  \"")).into(),
            "in pieces, as in a program's source",
        ),
        (
            format!("Dear all,\nhere it is:\n{jwe}\nBest").into(),
            "has 22 characters before it, and 5 characters behind it",
        ),
        (
            format!("<{jwe}>").into(),
            "the character < before it, and the character > behind it",
        ),
        (
            format!(
                "{protected}..{}",
                [iv, ciphertext, tag].map(hex_of_segment).join(".")
            )
            .into(),
            "in hex, where base64url",
        ),
        (format!("{jwe}.").into(), "it ends in a dot"),
        (
            format!("{protected}..{iv}.{tag}.{ciphertext}").into(),
            "the tag is before the ciphertext",
        ),
        (
            format!("{protected}..{tag}.{ciphertext}.{iv}").into(),
            "and the IV behind it",
        ),
        (format!("data={jwe}").into(), "the form field \"data\""),
        (
            format!("x=1&jwe={jwe}&y=2").into(),
            "the form field \"jwe\"",
        ),
        (
            format!("{part}{jwe}\r\n--xyz--\r\n").into(),
            "multipart/form-data",
        ),
        (
            format!("Bearer {jwe}").into(),
            "it has \"Bearer\" before it",
        ),
        (
            format!("Authorization: Bearer {jwe}").into(),
            "it has \"Authorization: Bearer\" before it",
        ),
        (percent.into(), "percent-encoded"),
        (format!("%22{jwe}%22").into(), "percent-encoded"),
        (format!("data:application/jose,{jwe}").into(), "a data: URL"),
        (
            format!("data:text/plain;base64,{}", base64(&jwe)).into(),
            "a data: URL",
        ),
        (base64(&jwe).into(), "a JWE in base64 as a whole"),
        (hex.clone().into(), "a JWE in hex as a whole"),
        (
            format!("0x{}", hex.to_uppercase()).into(),
            "a JWE in hex as a whole",
        ),
        (
            format!(
                "-----BEGIN JWE-----\n{}\n-----END JWE-----\n",
                lines.join("\n")
            )
            .into(),
            "BEGIN and END lines",
        ),
        (
            format!(
                "-----BEGIN MESSAGE-----\n{}\n-----END MESSAGE-----\n",
                base64(&jwe)
            )
            .into(),
            "BEGIN and END lines",
        ),
        (lines.join("\r\n").into(), "line breaks in it"),
        (
            format!("{}\u{200b}{}", &jwe[..9], &jwe[9..]).into(),
            "U+200B at character 10",
        ),
        (format!("\u{feff}{jwe}").into(), "a byte order mark"),
        (format!("'{jwe}'").into(), "single quotes"),
        (format!("b'{jwe}'").into(), "Python"),
        (format!("`{jwe}`").into(), "backticks"),
        (format!("\\\"{jwe}\\\"").into(), "backslashes"),
        (format!("<jwe>{jwe}</jwe>").into(), "inside XML or HTML"),
        (
            format!("<a><b><![CDATA[{jwe}]]></b></a>").into(),
            "inside XML or HTML",
        ),
        (format!("&quot;{jwe}&quot;").into(), "entities"),
        (
            format!("jwe:{jwe};").into(),
            "4 characters before it, and the character ; behind it",
        ),
        (format!("{jwe},").into(), "the character , behind it"),
        (wide(&jwe), "UTF-16LE"),
        (
            compressed(GzEncoder::new(jwe.as_bytes(), Compression::default())),
            "gzip",
        ),
        (
            compressed(ZlibEncoder::new(jwe.as_bytes(), Compression::default())),
            "zlib",
        ),
        (
            compressed(DeflateEncoder::new(jwe.as_bytes(), Compression::default())),
            "RFC 1951",
        ),
    ];
    for (body, words) in cases {
        let ended = explain(&body, &[]);
        let shown = String::from_utf8_lossy(&body);
        assert_eq!(ended.code, 6, "{shown}");
        says(&ended, &["✓ accountNumber is a string of 4 characters"]);
        let crosses: Vec<&str> = ended.out.lines().filter(|it| it.contains('✗')).collect();
        assert!(crosses[0].contains(words), "{words}: {crosses:?}");
        let is_twice = words.contains("\"data\"") && !shown.contains('.')
            || words.contains("BEGIN") && shown.contains("MESSAGE")
            || words == "percent-encoded" && shown.contains("%22ey");
        assert_eq!(
            crosses.len(),
            1 + usize::from(is_twice),
            "{shown}: {crosses:?}"
        );
    }
    // Two layers, two crosses.
    let zipped = compressed(GzEncoder::new(jwe.as_bytes(), Compression::default()));
    let ended = explain(base64_of(&zipped), &[]);
    says(
        &ended,
        &[
            "in base64 as a whole",
            "compressed with gzip",
            "2 things are wrong",
            "✓ accountNumber",
        ],
    );
}

/// How a message came here is no fault of the message.
#[test]
fn headers_and_a_command_line_are_left_out() {
    let jwe = sealed(&request().to_string());
    for (message, words) in [
        (
            format!("POST /x HTTP/1.1\r\nHost: a\r\nX-API-KEY: k\r\n\r\n{jwe}"),
            "an HTTP message",
        ),
        (
            format!("Content-Type: text/plain\n\n{jwe}\n"),
            "an HTTP message",
        ),
        (
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{jwe}\r\n0\r\n\r\n",
                jwe.len()
            ),
            "an HTTP message",
        ),
        (
            format!("curl -X POST 'https://a/b' \\\n  -H 'X-API-KEY: k' \\\n  --data-raw '{jwe}'"),
            "a curl command",
        ),
        (format!("curl https://a/b -d\"{jwe}\""), "a curl command"),
    ] {
        let ended = explain(&message, &[]);
        assert_eq!(ended.code, 0, "{message}: {}", ended.out);
        says(&ended, &[words, "Nothing is wrong with this request."]);
    }
    let ended = explain(format!("curl https://a/b --data 'data={jwe}'"), &[]);
    says(
        &ended,
        &[
            "a curl command",
            "the form field \"data\"",
            "One thing is wrong",
        ],
    );
    let answer = "HTTP/2 401\r\nx: y\r\n\r\n{\"resCode\":\"TOK002\",\"resDesc\":\"no\"}";
    says(&explain(answer, &[]), &["TOK002: X-API-KEY is missing"]);
    says(
        &explain("curl https://a/b -d @body.txt", &[]),
        &["explain that file"],
    );
}

/// The same of what was sealed.
#[test]
fn what_is_around_the_json_inside_is_named_and_taken_off() {
    let text = request().to_string();
    let key = &acme().payload_keys[0].k;
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let pad = |byte: u8, count: usize| [text.as_bytes(), &vec![byte; count]].concat();
    let form: Vec<String> = request()
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap().replace('@', "%40")))
        .collect();
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let url = |text: &str| {
        base64(text)
            .replace('+', "-")
            .replace('/', "_")
            .replace('=', "")
    };
    for (inside, words) in [
        (sealed(&text).into_bytes(), "a JWE again"),
        (
            format!("{}.{}.c2ln", url("{\"alg\":\"HS256\"}"), url(&text)).into_bytes(),
            "a signed JWT",
        ),
        (base64(&text).into_bytes(), "JSON in base64 as a whole"),
        (hex.into_bytes(), "JSON in hex as a whole"),
        (
            format!("```json\n{text}\n```").into_bytes(),
            "8 bytes before its {, and 4 behind it",
        ),
        (
            [&[0xff; 12], text.as_bytes()].concat(),
            "12 bytes before its {",
        ),
        (
            text.replace("\":", "\"=>").into_bytes(),
            "= or =>, where a colon is due",
        ),
        (
            text.replace("explain:1", "explain:1\",\"name\":\"A\\w")
                .into_bytes(),
            "behind a backslash that JSON does not have",
        ),
        (
            compressed(GzEncoder::new(text.as_bytes(), Compression::default())),
            "gzip",
        ),
        (
            compressed(ZlibEncoder::new(text.as_bytes(), Compression::default())),
            "zlib",
        ),
        (wide.clone(), "UTF-16LE"),
        ([&[0xff, 0xfe], &wide[..]].concat(), "UTF-16LE"),
        (form.join("&").into_bytes(), "form-encoded"),
        (
            format!("data={text}").into_bytes(),
            "the form field \"data\"",
        ),
        (format!("\u{feff}{text}").into_bytes(), "a byte order mark"),
        (pad(0, 5), "5 NUL bytes"),
        (pad(7, 7), "PKCS#7 padding"),
        (pad(16, 16), "PKCS#7 padding"),
        (
            Value::from(text.as_str()).to_string().into_bytes(),
            "made JSON twice",
        ),
        (
            json!([request()]).to_string().into_bytes(),
            "an array with one in it, at \"[0]\"",
        ),
        (
            json!({ "request": request() }).to_string().into_bytes(),
            "at \"request\"",
        ),
        (
            json!({ "payload": text }).to_string().into_bytes(),
            "at \"payload\"",
        ),
        (
            text.replace('"', "'").into_bytes(),
            "column 2: a single quote",
        ),
        (
            text.replace(r#""0042""#, "0042").into_bytes(),
            "a number that begins with 0",
        ),
        (
            text.replace('}', ",}").into_bytes(),
            "a comma before the end",
        ),
        (
            text.replace('}', ",\"x\":NaN}").into_bytes(),
            "NaN or Infinity",
        ),
        (
            text.replace('}', ",\"x\":None}").into_bytes(),
            "None, undefined or nil",
        ),
    ] {
        let ended = explain(jwe::seal(&inside, key, Some("acme-2026-11")), &[]);
        assert_eq!(ended.code, 6, "{words}: {}", ended.out);
        says(
            &ended,
            &[words, "accountNumber is a string of 4 characters"],
        );
        let crosses = ended.out.lines().filter(|it| it.contains('✗')).count();
        assert_eq!(crosses, 1, "{words}: {}", ended.out);
    }
    let latin = text.replace("explain:1", "explain:1\",\"name\":\"Zo\u{1}");
    let latin: Vec<u8> = latin
        .bytes()
        .map(|b| if b == 1 { 0xeb } else { b })
        .collect();
    says(
        &explain(jwe::seal(&latin, key, None), &[]),
        &["Latin-1", "✓ accountNumber", "✓ name"],
    );
    says(
        &explain(sealed(&json!({ "data": sealed(&text) }).to_string()), &[]),
        &[
            "inside JSON, at \"data\"",
            "encrypted twice",
            "2 things are wrong",
            "✓ accountNumber",
        ],
    );
    // What is no JSON at all is one fault.
    for (other, words) in [
        ("<a>1</a>".as_bytes(), "It is XML"),
        (b"[object Object]", "JSON.stringify"),
        (b"\x81\xabreferenceId", "It is no text"),
        (b"\"referenceId\":\"a\"}", "begins with {"),
        (b" ", "it is empty"),
    ] {
        says(
            &explain(jwe::seal(other, key, None), &[]),
            &[words, "One thing is wrong"],
        );
    }
    let theirs = jwe::seal(text.as_bytes(), &[9; 32], None);
    says(
        &explain(sealed(&theirs), &[]),
        &["which no key of yours opens", "One thing is wrong"],
    );
}

/// A key that was not decoded, or not as it must be, is named.
#[test]
fn the_usual_wrong_keys_are_tried() {
    use sha2::{Digest, Sha256};
    let key = acme().payload_keys[0].clone();
    let text = key.encoded();
    let hex: String = key.k.iter().map(|byte| format!("{byte:02x}")).collect();
    let first = |text: &str| -> [u8; 32] { text.as_bytes()[..32].try_into().unwrap() };
    let mut reversed = key.k;
    reversed.reverse();
    let mut words = key.k;
    words.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    let of_hex = base64_decoded(&hex);
    let mut api_key = [0; 32];
    api_key[..acme().api_key.len()].copy_from_slice(acme().api_key.as_bytes());
    for (wrong, words) in [
        (first(&text), "the first 32 bytes of k's text"),
        (
            text.as_bytes()[11..].try_into().unwrap(),
            "the last 32 bytes of k's text",
        ),
        (first(&hex), "the first 32 bytes of k in hex"),
        (
            first(&hex.to_uppercase()),
            "the first 32 bytes of k in upper-case hex",
        ),
        (
            first(&base64(&text)),
            "the first 32 bytes of k's text in base64 once more",
        ),
        (
            of_hex[..32].try_into().unwrap(),
            "the first 32 bytes of k's hex as a decoder of standard base64",
        ),
        (Sha256::digest(&text).into(), "the SHA-256 of k's text"),
        (Sha256::digest(&hex).into(), "the SHA-256 of k in hex"),
        (Sha256::digest(key.k).into(), "the SHA-256 of k's bytes"),
        (reversed, "the bytes of k in reverse order"),
        (words, "the bytes of k in words of the other byte order"),
        (api_key, "apiKey and zeros"),
        (
            first(&format!("\"{text}\"")),
            "the first 32 bytes of k's text in its quotes",
        ),
        (
            first(&String::from_utf8_lossy(&key.k)),
            "the first 32 bytes of k's bytes, read as UTF-8,",
        ),
        ([0; 32], "no bytes at all and zeros"),
    ] {
        for kid in [Some("acme-2026-11"), None] {
            let ended = explain(
                jwe::seal(request().to_string().as_bytes(), &wrong, kid),
                &[],
            );
            let sentence = format!("✗ the key is wrong: it opens under {words}");
            says(
                &ended,
                &[&sentence, "✓ accountNumber", "One thing is wrong"],
            );
            assert!(ended.hides(&text) && ended.hides(&hex));
        }
    }
}

/// RFC 7518's other algorithms: one cross for the algorithm, and what follows from it is told as
/// that.
#[test]
fn another_algorithm_is_one_fault() {
    let header = r#"{"alg":"A256KW","enc":"A256GCM","kid":"acme-2026-11"}"#;
    let sealed = jwe::seal_with_header(header, request().to_string().as_bytes(), &[8; 32], [5; 12]);
    let key = "LdEuIl9kEwPYUWb4JfJqSlbFwDVi9FbDEzqlb8e5a2vAmSVLBcZ1gw";
    for (body, words) in [
        (
            sealed.replacen("..", &format!(".{key}."), 1),
            "alg is \"A256KW\"",
        ),
        (
            sealed_with(r#"{"alg":"dir","enc":"A128CBC-HS256","kid":"acme-2026-11"}"#),
            "enc is \"A128CBC-HS256\"",
        ),
        (
            sealed_with(r#"{"alg":"dir","enc":"A256GCM","kid":"nobody"}"#),
            "none of the credentials'",
        ),
    ] {
        let ended = explain(body, &[]);
        says(&ended, &[words, "One thing is wrong"]);
    }
}

#[test]
fn a_key_in_the_header_is_warned_of() {
    let key = acme().payload_keys[0].clone();
    let header = json!({ "alg": "dir", "enc": "A256GCM", "jwk": key.to_json() }).to_string();
    let text = request().to_string();
    let ended = explain(
        jwe::seal_with_header(&header, text.as_bytes(), &key.k, [5; 12]),
        &[],
    );
    says(
        &ended,
        &["! jwk has a key's secret part", "✓ accountNumber"],
    );
    assert!(ended.hides(&key.encoded()), "{}", ended.out);
}

fn sealed_with(header: &str) -> String {
    jwe::seal_with_header(header, request().to_string().as_bytes(), &[8; 32], [5; 12])
}

#[test]
fn a_members_hint_names_the_character_and_the_entry_of_data() {
    let mut request = request();
    request["accountNumber"] = "\u{661}\u{662}\u{663}".into();
    request["data"] = json!({ "branch": "x", "count": 7 });
    request["phone"] = "1".into();
    let ended = explain(sealed(&request.to_string()), &[]);
    says(
        &ended,
        &[
            "digits 0-9, as a string or an integer without sign, fraction or exponent (it is a string of 3 characters: \
             the character U+0661 at character 1)",
            "the value of \"count\" is a number",
            "! \"phone\" is ignored. Is mobileNumber meant?",
        ],
    );
    // A required member that is misspelt is one fault.
    let mut request = self::request();
    let id = request
        .as_object_mut()
        .unwrap()
        .remove("referenceId")
        .unwrap();
    request["reference_id"] = id;
    let ended = explain(sealed(&request.to_string()), &[]);
    says(
        &ended,
        &[
            "referenceId is required (there is \"reference_id\"",
            "One thing is wrong",
        ],
    );
    // Other JSON lacks every member, which is no news.
    let ended = explain(json!({ "encryptedData": "xyz" }).to_string(), &[]);
    says(
        &ended,
        &[
            "plain JSON",
            "none of its members is a request's",
            "One thing is wrong",
        ],
    );
}

fn compressed(mut encoder: impl std::io::Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    encoder.read_to_end(&mut bytes).unwrap();
    bytes
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes)
}

fn base64_decoded(text: &str) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(text).unwrap()
}

#[test]
fn a_request_whose_library_calls_it_a_jwt_is_still_a_request() {
    let header = r#"{"alg":"dir","enc":"A256GCM","typ":"JWT"}"#;
    let text = request().to_string();
    let key = &acme().payload_keys[0].k;
    let ended = explain(
        jwe::seal_with_header(header, text.as_bytes(), key, [6; 12]),
        &[],
    );
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(&ended, &["Nothing is wrong with this request."]);
    let token = explain(jwe::seal_with_header(header, b"{}", &[9; 32], [6; 12]), &[]);
    says(&token, &["only a resource server"]);
}

#[test]
fn without_credentials_it_explains_as_far_as_it_can() {
    let body = sealed(&request().to_string());
    let ended = tokenctl_of(&body, &["explain"]);
    assert_eq!(ended.code, 0);
    says(
        &ended,
        &[
            "✓ kid is \"acme-2026-11\"",
            "--credentials",
            "as far as can be seen",
        ],
    );
    let ended = tokenctl_of(body.replace('.', " ."), &["explain"]);
    assert_eq!(ended.code, 6);
    says(&ended, &["white space at character"]);
}

#[test]
fn a_plaintext_can_be_checked_before_it_is_sealed() {
    let text = request().to_string();
    assert_eq!(explain(&text, &["--plaintext"]).code, 0);
    let ended = explain(&text, &[]);
    assert_eq!(ended.code, 6);
    says(
        &ended,
        &["✗ it is plain JSON and not encrypted", "✓ accountNumber"],
    );
    let twice = explain(Value::from(text).to_string(), &["--plaintext"]);
    assert_eq!(twice.code, 6);
    says(&twice, &["made JSON twice", "✓ accountNumber"]);
}

#[test]
fn an_sdk_api_key_of_somebody_else_is_a_warning() {
    let mut request = request();
    request["sdkApiKey"] = "SOMEBODY".into();
    request["accountNumber"] = 1234567890123456789_u64.into();
    let ended = explain(sealed(&request.to_string()), &[]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    says(
        &ended,
        &[
            "! sdkApiKey is not that of the credentials",
            "! accountNumber is a number of more than 15",
        ],
    );
    assert!(ended.hides("SOMEBODY"));
}

#[test]
fn an_answer_is_told_what_it_means_and_what_to_do() {
    let reused = r#"{"resCode":409,"resDesc":"x","referenceId":"r","errors":[{"field":"referenceId","reason":"reused"}]}"#;
    let ended = explain(sealed(reused), &[]);
    assert_eq!(ended.code, 6);
    says(
        &ended,
        &[
            "✓ it is authenticated",
            "✗ TOK409: another request has had",
            "find out why",
        ],
    );
    for (body, lines) in [
        (
            r#"{"resCode":"TOK002","resDesc":"no"}"#,
            [
                "take it as a hint",
                "TOK002: X-API-KEY is missing",
                "Check apiKey",
            ],
        ),
        (
            r#"{"message":"Endpoint request timed out"}"#,
            ["API Gateway's 504", "took too long", "same referenceId"],
        ),
        (
            r#"{"message":"Forbidden"}"#,
            ["API Gateway's 403", "refused the call", "Check the URL"],
        ),
        (
            "<html><body>Bad gateway</body></html>",
            ["web page", "URL", "proxy"],
        ),
        (
            r#"{"resCode":"TOK200","token":"x"}"#,
            ["says success and is not encrypted", "Do not use it", "✗"],
        ),
    ] {
        let ended = explain(body, &[]);
        assert_eq!(ended.code, 6, "{body}");
        says(&ended, &lines);
    }
}

/// What stands around an answer is no fault of it, and nothing vouches for what no key opened.
#[test]
fn an_answer_is_found_in_other_json_and_never_vouched_for() {
    let answer = json!({ "resCode": "TOK404", "resDesc": "There is nothing at this path" });
    let success = json!({ "resCode": "TOK200", "referenceId": "explain:1" });
    for (body, more, mention) in [
        (json!([answer]), &[][..], "TOK404: the service has nothing"),
        (
            json!({ "statusCode": 404, "body": answer.to_string() }),
            &[],
            "TOK404: the service",
        ),
        (
            json!([success]),
            &[],
            "it says success and is not encrypted",
        ),
        (
            success,
            &["--plaintext"],
            "it says success and is not encrypted",
        ),
        (json!({ "Message": "Forbidden" }), &[], "API Gateway's 403"),
        (
            json!({ "message": "Rate exceeded" }),
            &[],
            "API Gateway's 429",
        ),
        (
            json!({ "message": null }),
            &[],
            "not the token service's answer",
        ),
        (
            json!({ "errorMessage": "it ended" }),
            &[],
            "it says \"it ended\"",
        ),
        (
            json!({ "error": { "code": 403 } }),
            &[],
            "did something else answer?",
        ),
    ] {
        let ended = explain(body.to_string(), more);
        says(&ended, &[mention, "One thing is wrong"]);
        assert!(!ended.out.contains("authenticated"), "{}", ended.out);
    }
}

#[test]
fn a_strangers_words_are_escaped() {
    let ended = explain(
        "{\"resCode\":\"TOK002\",\"resDesc\":\"\\u001b[2J\\nfine\"}",
        &[],
    );
    assert!(ended.out.contains("\\u{1b}[2J\\nfine"), "{}", ended.out);
    assert!(!ended.out.contains('\u{1b}'));
}

#[test]
fn what_is_no_message_at_all_is_said_to_be_none() {
    for (body, mention) in [
        (&b""[..], "it is empty"),
        (b"hello", "1 segments"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a.b.c", "signed JWT"),
        (&[b'x'; 40_000], "32 KiB"),
        (b"[object Promise]", "a Promise not awaited"),
        (b"undefined", "as a program writes what is no text"),
    ] {
        let ended = explain(body, &[]);
        assert_eq!(ended.code, 6);
        says(&ended, &[mention]);
    }
    let encoded = base64(&request().to_string());
    for plain in [encoded.as_str(), "referenceId=a&accountNumber=1"] {
        let words = [
            "it is plain JSON and not encrypted",
            "accountNumber is a string",
        ];
        says(&explain(plain, &[]), &words);
    }
}

/// What is as large as a file may be is explained in time that grows with its size alone.
#[test]
fn what_is_large_takes_no_time_of_its_own() {
    let most = 1_000_000;
    let members: Vec<String> = (0..60_000).map(|at| format!("\"k{at}\":1")).collect();
    for (body, more, mention) in [
        ("e.".repeat(most / 2), &[][..], "segments"),
        ("e-".repeat(most / 2), &[], "segments"),
        ("x ey.".repeat(most / 5), &[], "segments"),
        ("[".repeat(most), &[], "not JSON"),
        (
            format!("{{{}}}", members.join(",")),
            &["--plaintext"],
            "59744 more members are ignored",
        ),
        (
            format!("{{{}\"a\":1}}", "\"a\":1,".repeat(60_000)),
            &["--plaintext"],
            "a is repeated",
        ),
    ] {
        let begun = Instant::now();
        let ended = explain(body, more);
        says(&ended, &[mention]);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(30), "{mention}: {took:?}");
    }
}
