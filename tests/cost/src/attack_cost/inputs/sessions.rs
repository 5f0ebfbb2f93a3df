//! Inputs of Renew, Invalidate and Introspect.

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{
    API_KEY, Input, LIMIT_OF_PARAMETERS, LIMIT_WITHOUT_AGREEMENT, MAX_BODY, PLAINTEXT,
    RESOURCE_SERVER, SDK_API_KEY, event_at, filled, fuzz_events, input, seal, sealed,
};

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

/// From callers without a token, with a token, and with a session.
pub(super) fn renewals() -> Vec<Input> {
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

/// From partners. Other callers are refused as they are for Get Token.
pub(super) fn invalidations() -> Vec<Input> {
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

/// From strangers and from resource servers.
pub(super) fn introspections() -> Vec<Input> {
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
