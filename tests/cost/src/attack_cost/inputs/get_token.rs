//! Inputs of Get Token.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use serde_json::{Value, json};

use super::{
    Input, LIMIT_OF_ESCAPES, MAX_BODY, PLAINTEXT, event, filled, filler, fuzz_events, input,
    plaintext, seal, sealed,
};
use fuzz_events::X;

pub(super) fn get_token() -> Vec<Input> {
    let valid = event(&sealed(&plaintext(|_| ())));
    let mut inputs = vec![
        input("a valid request of 32 KiB", 200, event(&sealed(&filler()))),
        input("a valid request: the guide's sample", 200, valid.clone()),
    ];
    let mut replayed = input("a valid request once more: a replay", 200, valid.clone());
    replayed.before = Some(valid.to_string().into());
    inputs.push(replayed);
    inputs.extend(strangers());
    inputs.extend(unopened());
    inputs.extend(opened());
    let mut reused = input(
        "opened: the referenceId of another request",
        409,
        valid.clone(),
    );
    let other = event(&sealed(&plaintext(|sent| sent["name"] = "x".into())));
    reused.before = Some(other.to_string().into());
    inputs.push(reused);
    inputs
}

/// From callers without an API key.
fn strangers() -> Vec<Input> {
    let stranger = |body: &str| {
        let mut event = event(body);
        event["headers"]["X-API-KEY"] = "x".into();
        event["multiValueHeaders"]["X-API-KEY"] = json!(["x"]);
        event
    };
    let in_base64 = |mut event: Value, body: &str| {
        event["body"] = BASE64_STANDARD.encode(body).into();
        event["isBase64Encoded"] = true.into();
        event
    };
    let with_headers = |names: &dyn Fn(usize) -> String, value: &str| {
        let mut event = stranger("");
        // API Gateway's limit on all headers.
        let mut bytes = 0;
        for at in 0.. {
            let name = names(at);
            bytes += name.len() + value.len();
            if bytes > 10_240 {
                break;
            }
            event["headers"][&name] = value.into();
            event["multiValueHeaders"][&name] = json!([value]);
        }
        event
    };
    let mut wrong_path = stranger(&"x".repeat(MAX_BODY));
    wrong_path["path"] = format!("/{}", "x/".repeat(4000)).into();
    let mut long_key = stranger("");
    long_key["headers"]["X-API-KEY"] = "k".repeat(10_000).into();
    long_key["multiValueHeaders"]["X-API-KEY"] = json!(["k".repeat(10_000)]);
    let mut inputs = vec![
        input(
            "stranger: 32 KiB of dots",
            401,
            stranger(&".".repeat(MAX_BODY)),
        ),
        input(
            "stranger: 32 KiB in base64",
            401,
            in_base64(stranger(""), &"A".repeat(MAX_BODY)),
        ),
        Input {
            limit: LIMIT_OF_ESCAPES,
            ..input(
                "stranger: 32 KiB of escapes in the event",
                401,
                stranger(&"\u{1}".repeat(MAX_BODY)),
            )
        },
        input(
            "stranger: 32 KiB of quotes",
            401,
            stranger(&"\"".repeat(MAX_BODY)),
        ),
        input(
            "stranger: 32 KiB of line breaks",
            401,
            stranger(&"\n".repeat(MAX_BODY)),
        ),
        input("stranger: an API key of 10 KB", 401, long_key),
        input(
            "stranger: 10 KB of short headers",
            401,
            with_headers(&|at| format!("h{at}"), ""),
        ),
        input(
            "stranger: one header of 10 KB of escapes",
            401,
            with_headers(&|_| "h".to_owned(), &"\u{1}".repeat(10_000)),
        ),
        input("stranger: another path, 32 KiB", 404, wrong_path),
        input(
            "stranger: 32 KiB and a byte",
            413,
            stranger(&"x".repeat(MAX_BODY + 1)),
        ),
    ];
    let mut largest = [
        input(
            "stranger: 6 MB, the most that Lambda takes",
            413,
            stranger(&"x".repeat(6_000_000)),
        ),
        input(
            "stranger: 6 MB in base64",
            413,
            in_base64(stranger(""), &"x".repeat(4_400_000)),
        ),
        input(
            "stranger: 6 MB of escapes",
            413,
            stranger(&"\u{1}".repeat(1_000_000)),
        ),
    ];
    // Larger than the function may refuse to read: the Lambda runtime has read it before.
    largest
        .iter_mut()
        .for_each(|input| input.limit = f64::INFINITY);
    inputs.extend(largest);
    inputs
}

/// From callers with an API key and no payload key.
fn unopened() -> Vec<Input> {
    let plain = "x".repeat(PLAINTEXT);
    let small_header = r#"{"alg":"dir","enc":"A256GCM"}"#;
    let header = |members: &str| format!(r#"{{"alg":"dir","enc":"A256GCM",{members}}}"#);
    let wrong = |header: &str, plain: &str| seal(header.as_bytes(), plain.as_bytes(), &[99; 32]);
    let fitting = |header: &str| {
        wrong(
            header,
            &plain[..((MAX_BODY - 60 - header.len() * 4 / 3) / 4 * 3).min(PLAINTEXT)],
        )
    };
    let mut members = String::new();
    for at in 0.. {
        let member = format!("\"{at}\":1,");
        if header(&(members.clone() + &member)).len() > 1024 {
            break;
        }
        members += &member;
    }
    members.pop();
    let escapes = format!("\"x\":\"{}\"", "\\u0061".repeat(160));
    let nested = format!("\"x\":{}{}", "[".repeat(490), "]".repeat(490));
    // The last character of the ciphertext is none of the alphabet's.
    let mut not_canonical = fitting(small_header);
    let tag = not_canonical.rfind('.').unwrap();
    not_canonical.replace_range(tag - 1..tag, "~");
    let mut in_base64 = event("");
    in_base64["body"] = BASE64_STANDARD.encode(wrong(small_header, &plain)).into();
    in_base64["isBase64Encoded"] = true.into();
    vec![
        input(
            "not opened: 32 KiB of dots",
            400,
            event(&".".repeat(MAX_BODY)),
        ),
        input(
            "not opened: 32 KiB of one segment",
            400,
            event(&"A".repeat(MAX_BODY)),
        ),
        input(
            "not opened: 32 KiB of white space",
            400,
            event(&" ".repeat(MAX_BODY)),
        ),
        input(
            "not opened: a ciphertext of 24 KB, by kid",
            400,
            event(&wrong(
                r#"{"alg":"dir","enc":"A256GCM","kid":"k0"}"#,
                &plain,
            )),
        ),
        input(
            "not opened: 24 KB, eight keys tried",
            400,
            event(&wrong(small_header, &plain)),
        ),
        input("not opened: the same, in base64", 400, in_base64),
        input(
            "not opened: eight keys, a header of 1 KiB of members",
            400,
            event(&fitting(&header(&members))),
        ),
        input(
            "not opened: eight keys, a header of escapes",
            400,
            event(&fitting(&header(&escapes))),
        ),
        input(
            "not opened: eight keys, a header of brackets",
            400,
            event(&fitting(&header(&nested))),
        ),
        input(
            "not opened: the last character of 24 KB is not canonical",
            400,
            event(&not_canonical),
        ),
    ]
}

/// From partners.
fn opened() -> Vec<Input> {
    let refused = |name, plaintext: &str| input(name, 400, event(&sealed(plaintext)));
    // The fault is at the end, so that everything before it is read.
    let twice = r#""a":1,"a":1}"#;
    let deep = |open: &str, element: &dyn Fn(usize) -> String, close: &str| {
        filled(
            &format!("{{\"x\":{open}"),
            element,
            &format!("{close},{twice}"),
        )
    };
    let eight = |element: &dyn Fn(usize) -> String| deep(&"[".repeat(7), element, &"]".repeat(7));
    let brackets = |one: &str| one.repeat(PLAINTEXT / one.len());
    let wrong_everywhere = plaintext(|sent| {
        for (_, value) in sent.as_object_mut().unwrap().iter_mut() {
            *value = "\u{1f600}".repeat(450).into();
        }
    });
    let off_curve = plaintext(|sent| {
        sent["sdkPublicKey"] = fuzz_events::sdk_public_key(X, &"A".repeat(43)).into()
    });
    let big_jwk = plaintext(|sent| {
        let jwk = format!(
            "{{{}\"a\":1,\"a\":1}}",
            (0..110)
                .map(|at| format!("\"{at}\":{{}},"))
                .collect::<String>()
        );
        sent["sdkPublicKey"] = BASE64.encode(jwk).into();
    });
    let stranger = plaintext(|sent| sent["sdkApiKey"] = "x".into());
    vec![
        refused("opened: 24 KB of [", &brackets("[")),
        refused("opened: 24 KB of {\"a\":", &brackets(r#"{"a":"#)),
        refused(
            "opened: 4,000 members",
            &filled("{", |at| format!("\"{at}\":1"), &format!(",{twice}")),
        ),
        refused(
            "opened: 4,000 escaped members",
            &filled("{", |at| format!("\"\\u0061{at}\":1"), &format!(",{twice}")),
        ),
        refused(
            "opened: a text of 24 KB at the eighth level",
            &eight(&|_| format!("\"{}\"", "x".repeat(20_000))),
        ),
        refused(
            "opened: escapes of 24 KB at the eighth level",
            &eight(&|_| "\"\\u0061\\u0061\\u0061\\u0061\"".to_owned()),
        ),
        refused(
            "opened: 12,000 numbers at the eighth level",
            &eight(&|_| "1".to_owned()),
        ),
        refused(
            "opened: 8,000 empty texts at the eighth level",
            &eight(&|_| "\"\"".to_owned()),
        ),
        refused(
            "opened: 8,000 empty objects at the eighth level",
            &deep(&"[".repeat(6), &|_| "{}".to_owned(), &"]".repeat(6)),
        ),
        refused(
            "opened: 4,000 members at the eighth level",
            &filled(
                r#"{"x":"#.repeat(8).trim_end_matches(r#""x":"#),
                |at| format!("\"{at}\":1"),
                &format!("{},{twice}", "}".repeat(7)),
            ),
        ),
        refused(
            "opened: 1,500 objects of one member at the eighth level",
            &deep(
                &"[".repeat(6),
                &|at| format!("{{\"{at}\":1}}"),
                &"]".repeat(6),
            ),
        ),
        refused(
            "opened: not JSON after 24 KB",
            &filled("[", |_| "1".to_owned(), ",]"),
        ),
        refused("opened: every member wrong", &wrong_everywhere),
        refused("opened: a point off the curve", &off_curve),
        refused("opened: a JWK of 1 KiB of members", &big_jwk),
        input(
            "opened: another's sdkApiKey",
            401,
            event(&sealed(&stranger)),
        ),
    ]
}
