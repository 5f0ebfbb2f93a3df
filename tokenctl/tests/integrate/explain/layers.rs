//! What is around a message is named, taken off, and looked into.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::{
    Compression,
    read::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use peers::jwe;
use serde_json::{Value, json};

use super::{acme, base64, explain, request, says, sealed};

fn hex_of_segment(segment: &str) -> String {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(segment).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    let ended = explain(base64(&zipped), &[]);
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

fn compressed(mut encoder: impl std::io::Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    encoder.read_to_end(&mut bytes).unwrap();
    bytes
}
