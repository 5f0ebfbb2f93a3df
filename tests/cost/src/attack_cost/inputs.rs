//! Valid requests, and the inputs that are meant to be the hardest to refuse.

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use bytes::Bytes;
use ring::digest;
use serde_json::{Value, json};

use super::{
    fuzz_events::{self, X, Y},
    seal,
};

/// How many times the instructions of a valid request of 32 KiB a refused one may take.
const LIMIT: f64 = 2.0;

/// The same where the body of 32 KiB is an event of 192: the Lambda runtime reads it all before the
/// function can refuse it, which is 1.0 of the 2.5 that were measured.
const LIMIT_OF_ESCAPES: f64 = 2.75;

/// The same for a body that was opened, where a valid request of the operation agrees on no key:
/// JSON is refused for what it costs in Get Token, and is held against less.
const LIMIT_WITHOUT_AGREEMENT: f64 = 2.5;

/// The same for a resource server's form of thousands of parameters: each name is decoded and looked
/// for among the others, and the valid form has two.
const LIMIT_OF_PARAMETERS: f64 = 5.5;

/// The limit of what a fuzz target found.
pub(super) fn limit_of(target: &str) -> f64 {
    match target {
        "introspection" => LIMIT_OF_PARAMETERS,
        _ => LIMIT,
    }
}

/// The largest body.
const MAX_BODY: usize = 32 * 1024;

/// Largest plaintext whose JWE fits: three quarters of what is left for the ciphertext.
const PLAINTEXT: usize = (MAX_BODY - 200) / 4 * 3;

const API_KEY: &str = "MOB-APP-2001";
const SDK_API_KEY: &str = "ABCDEFGH";
const RESOURCE_SERVER: &str = "wallet:a secret of the wallet's";

/// One event, and the answer that it must get.
pub(crate) struct Input {
    pub(crate) name: String,
    /// `None`: any.
    pub(crate) status: Option<u64>,
    /// How many times the instructions of its group's first input it may take.
    pub(crate) limit: f64,
    pub(crate) event: Bytes,
    /// The event that must have been answered before.
    pub(crate) before: Option<Bytes>,
}

impl Input {
    /// An event that may be answered in any way.
    pub(crate) fn of_event(name: String, event: impl Into<Bytes>) -> Self {
        Self {
            name,
            status: None,
            limit: LIMIT,
            event: event.into(),
            before: None,
        }
    }
}

/// Eight keys, as many as a ring may have.
fn key(at: u8) -> [u8; 32] {
    [at + 1; 32]
}

/// The secret of partners: as many as fit, one of them with a full ring, and some resource servers.
pub(crate) fn api_keys() -> String {
    let sha256 = |text: &str| -> String {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let jwk = |kid: u8, at: u8| json!({"kty": "oct", "kid": format!("k{kid}"), "k": BASE64.encode(key(at))});
    let ring =
        |keys: &[u8]| json!({"keys": keys.iter().map(|at| jwk(*at, *at)).collect::<Vec<_>>()});
    let partner = |id: &str, api_key: &str, keys: Value| {
        json!({
            "partnerId": id, "programId": 1, "apiKeySha256": [sha256(api_key)],
            "sdkApiKeySha256": [sha256(SDK_API_KEY)], "payloadKeys": keys,
        })
    };
    let mut partners = vec![partner("acme", API_KEY, ring(&[0, 1, 2, 3, 4, 5, 6, 7]))];
    // No two partners have one payload key. Below 10 are acme's.
    partners.extend((10..185).map(|at| {
        let keys = json!({"keys": [jwk(0, at)]});
        partner(&format!("p{at}"), &format!("another-{at}"), keys)
    }));
    let (_, secret) = RESOURCE_SERVER.split_once(':').unwrap();
    let servers: Vec<Value> = (0..10)
        .map(|at| json!({"resourceServerId": format!("other-{at}"), "secretSha256": [sha256("x")]}))
        .chain([json!({"resourceServerId": "wallet", "secretSha256": [sha256(secret)]})])
        .collect();
    let api_keys = json!({"partners": partners, "resourceServers": servers}).to_string();
    assert!(api_keys.len() <= 64 * 1024, "{}", api_keys.len());
    api_keys
}

fn event(body: &str) -> Value {
    let headers = [("X-API-KEY", API_KEY), ("Content-Type", "text/plain")];
    event_at("/token-service/client/server/new/v2/token", &headers, body)
}

fn event_at(path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let mut event = json!({
        "path": path,
        "httpMethod": "POST",
        "headers": {},
        "multiValueHeaders": {},
        "requestContext": {"requestId": "1863f0fb-5c8c-4cce-94f4-b62e1d87484a", "stage": "prod"},
        "body": body,
        "isBase64Encoded": false,
    });
    for (name, value) in headers {
        event["headers"][name] = (*value).into();
        event["multiValueHeaders"][name] = json!([value]);
    }
    event
}

/// The guide's sample, changed.
fn plaintext(change: impl FnOnce(&mut Value)) -> String {
    let mut plaintext =
        serde_json::from_str(&fuzz_events::plaintext(&fuzz_events::sdk_public_key(X, Y))).unwrap();
    change(&mut plaintext);
    plaintext.to_string()
}

fn sealed(plaintext: &str) -> String {
    let body = seal(
        br#"{"alg":"dir","enc":"A256GCM","kid":"k0"}"#,
        plaintext.as_bytes(),
        &key(0),
    );
    assert!(body.len() <= MAX_BODY, "{} of plaintext", plaintext.len());
    body
}

/// `open`, as many of `element` with commas as fit, `close`.
fn filled(open: &str, element: impl Fn(usize) -> String, close: &str) -> String {
    let mut text = open.to_owned();
    for at in 0.. {
        let element = element(at);
        if text.len() + element.len() + 1 + close.len() > PLAINTEXT {
            break;
        }
        text.push_str(&element);
        text.push(',');
    }
    text.pop();
    text + close
}

/// What the others are measured against: a valid request that fills the body, with a member that is
/// ignored.
pub(crate) fn filler() -> String {
    let short = plaintext(|sent| sent["filler"] = "".into()).len();
    plaintext(|sent| sent["filler"] = "x".repeat(PLAINTEXT - short).into())
}

/// Of each operation the valid request of 32 KiB is the first, which the others are held against.
pub(crate) fn all() -> Vec<Vec<Input>> {
    vec![get_token(), renewals(), invalidations(), introspections()]
}

fn get_token() -> Vec<Input> {
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

fn input(name: &str, status: u64, event: Value) -> Input {
    Input {
        status: Some(status),
        ..Input::of_event(name.to_owned(), event.to_string())
    }
}

/// Whoever has no API key.
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

/// Whoever has an API key, and no payload key.
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

/// Whoever has a payload key: a partner.
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

/// When the session in the table began.
static BEGAN: LazyLock<u64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
});

/// The session's item.
pub(crate) fn session_item() -> Value {
    fuzz_events::session_item(*BEGAN)
}

/// `{` and a member, and as many of another as fit.
fn stuffed(member: &str) -> String {
    let short = format!("{{{member},\"filler\":\"\"}}");
    short.replace(
        "\"\"}",
        &format!("\"{}\"}}", "x".repeat(PLAINTEXT - short.len())),
    )
}

/// JSON that is refused for its end alone, with thousands of members.
fn thousands_of_members(member: &str) -> String {
    let open = format!("{{{member},");
    filled(&open, |at| format!("\"\\u0061{at}\":1"), r#","a":1,"a":1}"#)
}

/// Whoever has no token, a token, or a session.
fn renewals() -> Vec<Input> {
    const PATH: &str = "/token-service/client/app/renew/v2/token";
    let with = |token: &str, sdk_api_key: &str, body: &str| {
        let headers = [
            ("X-API-TOKEN", token),
            ("X-API-KEY", sdk_api_key),
            ("X-ACCOUNT-NUMBER", "123123123"),
            ("Content-Type", "text/plain"),
        ];
        event_at(PATH, &headers, body)
    };
    let under = |plaintext: &str, key| {
        seal(
            br#"{"alg":"dir","enc":"A256GCM"}"#,
            plaintext.as_bytes(),
            key,
        )
    };
    let token = fuzz_events::token(*BEGAN);
    let member = format!("\"token\":\"{token}\"");
    let body = under(&format!("{{{member}}}"), &fuzz_events::SESSION_KEY);
    let refused_token =
        |name, token: &str| input(name, 401, with(token, SDK_API_KEY, &"x".repeat(MAX_BODY)));
    let refused_body = |name, body: &str| Input {
        limit: LIMIT_WITHOUT_AGREEMENT,
        ..input(name, 400, with(&token, SDK_API_KEY, body))
    };
    let of_4_kib = |header: &str| {
        let room = (4096 - 60 - header.len() * 4 / 3) / 4 * 3;
        let token = seal(header.as_bytes(), "x".repeat(room).as_bytes(), &[99; 32]);
        assert!(token.len() <= 4096);
        token
    };
    let (kid, _) = fuzz_events::token_key();
    let known = format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}","typ":"JWT"}}"#);
    let brackets = format!(
        r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}","typ":"JWT","x":{}{}}}"#,
        "[".repeat(460),
        "]".repeat(460)
    );
    vec![
        input(
            "renewal: valid, of 32 KiB",
            200,
            with(
                &token,
                SDK_API_KEY,
                &under(&stuffed(&member), &fuzz_events::SESSION_KEY),
            ),
        ),
        input("renewal: valid", 200, with(&token, SDK_API_KEY, &body)),
        refused_token("renewal, no token: 10 KB", &"A".repeat(10_000)),
        refused_token("renewal, no token: 4 KiB of one segment", &"A".repeat(4096)),
        refused_token("renewal, no token: 4 KiB of dots", &".".repeat(4096)),
        refused_token(
            "renewal, no token: 4 KiB, a key of another's",
            &of_4_kib(&known.replace(&kid, "another")),
        ),
        refused_token(
            "renewal, no token: 4 KiB, under another key",
            &of_4_kib(&known),
        ),
        refused_token(
            "renewal, no token: a header of brackets",
            &of_4_kib(&brackets),
        ),
        input(
            "renewal, a token: an sdkApiKey of 8 KB",
            401,
            with(&token, &"k".repeat(8_000), &"x".repeat(MAX_BODY)),
        ),
        refused_body(
            "renewal, not opened: 24 KB under another key",
            &under(&"x".repeat(PLAINTEXT), &[99; 32]),
        ),
        refused_body("renewal, not opened: 32 KiB of dots", &".".repeat(MAX_BODY)),
        refused_body(
            "renewal, opened: 24 KB of [",
            &under(&"[".repeat(PLAINTEXT), &fuzz_events::SESSION_KEY),
        ),
        refused_body(
            "renewal, opened: 4,000 escaped members",
            &under(&thousands_of_members(&member), &fuzz_events::SESSION_KEY),
        ),
        refused_body(
            "renewal, opened: another token",
            &under(&stuffed("\"token\":\"x\""), &fuzz_events::SESSION_KEY),
        ),
    ]
}

/// Whoever is a partner. What others send is refused as it is for Get Token.
fn invalidations() -> Vec<Input> {
    const PATH: &str = "/token-service/client/server/invalidate/v2/token";
    let with = |plaintext: &str| {
        let headers = [("X-API-KEY", API_KEY), ("Content-Type", "text/plain")];
        event_at(PATH, &headers, &sealed(plaintext))
    };
    let reference_id = fuzz_events::REFERENCE_ID;
    let member = format!(r#""tokenReferenceId":"{reference_id}""#);
    let refused = |name, plaintext: &str| Input {
        limit: LIMIT_WITHOUT_AGREEMENT,
        ..input(name, 400, with(plaintext))
    };
    vec![
        input(
            "invalidation: valid, of 32 KiB",
            200,
            with(&stuffed(&member)),
        ),
        input("invalidation: valid", 200, with(&format!("{{{member}}}"))),
        input(
            "invalidation: no such session",
            404,
            with(&stuffed(r#""tokenReferenceId":"x""#)),
        ),
        refused("invalidation: 24 KB of [", &"[".repeat(PLAINTEXT)),
        refused(
            "invalidation: 4,000 escaped members",
            &thousands_of_members(&member),
        ),
        refused(
            "invalidation: a member of 24 KB",
            &format!(r#"{{"tokenReferenceId":"{}"}}"#, "x".repeat(PLAINTEXT - 30)),
        ),
    ]
}

/// Whoever is no resource server, or one.
fn introspections() -> Vec<Input> {
    const PATH: &str = "/token-service/introspect";
    let by = |authorization: &str, body: &str| {
        let headers = [
            ("Authorization", authorization),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        event_at(PATH, &headers, body)
    };
    let basic = |credentials: &str| format!("Basic {}", BASE64_STANDARD.encode(credentials));
    let wallet = basic(RESOURCE_SERVER);
    let full = |name: &str, credentials: &str| {
        let name = format!("introspection, stranger: {name}");
        input(&name, 401, by(credentials, &"%61=&".repeat(MAX_BODY / 5)))
    };
    let stuffed = |token: &str, element: &dyn Fn(usize) -> String, end: &str| {
        let mut body = format!("token={token}");
        for at in 0.. {
            let element = element(at);
            if body.len() + 1 + element.len() + end.len() > MAX_BODY {
                break;
            }
            body.push('&');
            body.push_str(&element);
        }
        body + end
    };
    let token = fuzz_events::token(*BEGAN);
    let filler = "x".repeat(MAX_BODY - "token=&filler=".len() - token.len());
    let valid = |body: &str| by(&wallet, body);
    let asked = |name, status, element: &dyn Fn(usize) -> String, end: &str| Input {
        limit: LIMIT_OF_PARAMETERS,
        ..input(name, status, valid(&stuffed(&token, element, end)))
    };
    // Of three characters, in base 36.
    let short = |at: usize| {
        let digit = |at: usize| char::from_digit(u32::try_from(at % 36).unwrap(), 36).unwrap();
        String::from_iter([digit(at / 1296), digit(at / 36), digit(at)])
    };
    vec![
        input(
            "introspection: valid, of 32 KiB",
            200,
            valid(&format!("token={token}&filler={filler}")),
        ),
        input(
            "introspection: valid",
            200,
            valid(&format!("token={token}")),
        ),
        input(
            "introspection: 4 KiB that are no token",
            200,
            valid(&format!("token={}", "A".repeat(4096))),
        ),
        full("no credentials", ""),
        full("a wrong secret", &basic("wallet:another")),
        full("an id of 7 KB", &basic(&"i".repeat(7_400))),
        full(
            "a secret of 7 KB",
            &basic(&format!("wallet:{}", "s".repeat(7_400))),
        ),
        full(
            "a secret of 7 KB of escapes",
            &basic(&format!("wallet:{}", "%61".repeat(2_466))),
        ),
        full(
            "the last character of 10 KB is not base64",
            &format!("Basic {}~", "A".repeat(9_900)),
        ),
        asked("introspection: nothing but &", 200, &|_| String::new(), ""),
        asked("introspection: 8,000 parameters", 200, &short, ""),
        asked(
            "introspection: 8,000 parameters, the last repeated",
            400,
            &short,
            "&token",
        ),
        asked(
            "introspection: 4,000 escaped parameters",
            400,
            &|at| format!("%61{}", short(at)),
            "&%74oken",
        ),
        asked(
            "introspection: 10,000 escapes that are no text",
            200,
            &|at| format!("{}{}", "%ff".repeat(3_000), short(at)),
            "",
        ),
        input(
            "introspection: a token of 10,000 escapes",
            400,
            valid(&format!("token={}", "%61".repeat(10_900))),
        ),
    ]
}
