//! Who may introspect: credentials that another reader would take, and what is told to those who
//! have none.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use peers::rules::introspection::Introspected;
use sandbox::Fault;
use serde_json::{Value, json};
use service_tests::{
    Event, Plain, Service, acme, and_header, api_keys, claims_text, globex, hash_of, token_of,
    with_header,
};

use super::Records;

/// A resource server whose credentials have padding in base64, and both characters in which its
/// alphabets differ.
const ID: &str = "cards";
const SECRET: &str = "?>?>~s3cret~~>";

async fn service() -> Service {
    let mut keys = api_keys();
    keys["resourceServers"] = json!([
        { "resourceServerId": ID, "secretSha256": [hash_of(SECRET)] },
        { "resourceServerId": "off", "secretSha256": [hash_of(SECRET)], "enabled": false },
        { "resourceServerId": "other", "secretSha256": [hash_of("other")] },
    ]);
    Service::start_with(|options| options.api_keys = Some(keys)).await
}

fn encoded(text: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

fn refused() -> (u16, Introspected) {
    (401, Introspected::Refused("invalid_client".to_owned()))
}

/// RFC 7617 section 2 and RFC 6749 section 2.3.1, read one way.
#[tokio::test]
async fn reads_credentials_in_one_way() {
    let service = service().await;
    let session = service.begin().await;
    let records = Records::of(&service, &[("acme", &session.reference)]);
    let form = format!("token={}", session.token);
    let event = |authorization: &str| {
        let event = Event::introspection(form.as_bytes());
        event.header("Authorization", authorization)
    };
    let sound = STANDARD.encode(format!("{ID}:{SECRET}"));
    assert!(
        sound.contains('/') && sound.contains('+') && sound.ends_with('='),
        "{sound}"
    );
    let unpadded = sound.trim_end_matches('=');
    // The last character with a bit that no byte needs.
    let stray = |text: &str| {
        let last = text.chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let at = alphabet.find(last).unwrap();
        format!("{}{}", &text[..text.len() - 1], &alphabet[at + 1..=at + 1])
    };
    let (start, end) = sound.split_at(8);
    let utf_16: Vec<u8> = format!("{ID}:{SECRET}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let percent =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let mut rows = vec![
        ("empty", String::new()),
        ("a scheme alone", "Basic".to_owned()),
        ("a scheme and a space", "Basic ".to_owned()),
        ("no scheme", sound.clone()),
        ("another scheme", format!("Bearer {sound}")),
        ("a token as a bearer's", format!("Bearer {}", session.token)),
        ("a scheme that goes on", format!("Basics {sound}")),
        ("two schemes", format!("Basic Basic {sound}")),
        ("a scheme in quotes", format!("\"Basic\" {sound}")),
        ("an equals sign", format!("Basic={sound}")),
        ("a tab", format!("Basic\t{sound}")),
        ("a no-break space", format!("Basic\u{a0}{sound}")),
        ("space in front", format!(" Basic {sound}")),
        ("a Cyrillic letter", format!("B\u{430}sic {sound}")),
        ("twice in one", format!("Basic {sound}, Basic {sound}")),
        ("two credentials", format!("Basic {sound} {sound}")),
        (
            "a parameter",
            format!("Basic {sound}, realm=\"token-service\""),
        ),
        ("in quotes", format!("Basic \"{sound}\"")),
        (
            "as a parameter",
            format!("Basic username=\"{ID}\", password=\"{SECRET}\""),
        ),
        ("not encoded", format!("Basic {ID}:{SECRET}")),
        ("no padding", format!("Basic {unpadded}")),
        ("more padding", format!("Basic {sound}=")),
        ("padding inside", format!("Basic {start}={end}")),
        ("stray bits", format!("Basic {}=", stray(unpadded))),
        (
            "the other alphabet",
            format!("Basic {}", URL_SAFE.encode(format!("{ID}:{SECRET}"))),
        ),
        ("space inside", format!("Basic {start} {end}")),
        ("a line fold inside", format!("Basic {start}\r\n {end}")),
        ("NUL behind", format!("Basic {sound}\u{0}")),
        (
            "percent-encoded base64",
            format!("Basic {}", percent(&sound)),
        ),
        ("base64 of base64", encoded(&sound)),
        ("hexadecimal", format!("Basic {}", hash_of(SECRET))),
        ("no colon", encoded(ID)),
        (
            "a colon that is encoded",
            encoded(format!("{ID}%3A{SECRET}")),
        ),
        ("another separator", encoded(format!("{ID};{SECRET}"))),
        (
            "a full-width colon",
            encoded(format!("{ID}\u{ff1a}{SECRET}")),
        ),
        ("a colon in front", encoded(format!(":{ID}:{SECRET}"))),
        ("two colons", encoded(format!("{ID}::{SECRET}"))),
        ("a colon behind", encoded(format!("{ID}:{SECRET}:"))),
        ("a colon alone", encoded(":")),
        ("no id", encoded(format!(":{SECRET}"))),
        ("no secret", encoded(format!("{ID}:"))),
        ("nothing", encoded("")),
        ("an id that goes on", encoded(format!("{ID}\u{0}:{SECRET}"))),
        (
            "an id in upper case",
            encoded(format!("{}:{SECRET}", ID.to_uppercase())),
        ),
        ("space behind the id", encoded(format!("{ID} :{SECRET}"))),
        (
            "space behind the secret",
            encoded(format!("{ID}:{SECRET} ")),
        ),
        (
            "a line behind the secret",
            encoded(format!("{ID}:{SECRET}\n")),
        ),
        (
            "NUL behind the secret",
            encoded(format!("{ID}:{SECRET}\u{0}")),
        ),
        ("a BOM", encoded(format!("\u{feff}{ID}:{SECRET}"))),
        (
            "encoded twice",
            encoded(format!("{ID}:{}", percent(&percent(SECRET)))),
        ),
        ("a broken escape", encoded(format!("{ID}:{SECRET}%"))),
        ("an escape of NUL", encoded(format!("{ID}:{SECRET}%00"))),
        (
            "an escape of no UTF-8",
            encoded(format!("{ID}:{SECRET}%FF")),
        ),
        (
            "an overlong escape",
            encoded(format!("%C1%A3ards:{SECRET}")),
        ),
        ("a plus for a space", encoded(format!("{ID}:{SECRET}+"))),
        (
            "no UTF-8",
            encoded([format!("{ID}:{SECRET}").as_bytes(), b"\xff"].concat()),
        ),
        ("UTF-16", encoded(utf_16)),
        (
            "the secret's digest",
            encoded(format!("{ID}:{}", hash_of(SECRET))),
        ),
        (
            "a secret that is nearly it",
            encoded(format!("{ID}:{}", &SECRET[1..])),
        ),
        ("another's secret", encoded(format!("{ID}:other"))),
        ("another's id", encoded(format!("other:{SECRET}"))),
        ("an unknown id", encoded(format!("nobody:{SECRET}"))),
        ("a disabled one", encoded(format!("off:{SECRET}"))),
        ("a partner", encoded(format!("acme:{}", acme().api_key))),
        (
            "a partner's app",
            encoded(format!("acme:{}", acme().sdk_api_key)),
        ),
        ("8 KB", encoded("k".repeat(8_000))),
        ("8 KB of colons", encoded(":".repeat(8_000))),
    ];
    rows.push(("a list's first", format!("Basic {sound},")));
    for (what, authorization) in rows {
        for event in [
            event(&authorization),
            event(&authorization).http("$default"),
        ] {
            let found = service.invoke_introspection(&event.json()).await;
            assert_eq!(found, refused(), "{what}: {authorization}");
        }
    }
    // In other places, and twice.
    let sound = format!("Basic {sound}");
    let nobodys = || Event::introspection(form.as_bytes()).without_header("Authorization");
    let mut events: Vec<(&str, Value)> = vec![("none", nobodys().json())];
    for name in [
        "Proxy-Authorization",
        "X-Authorization",
        "X-Amzn-Remapped-Authorization",
        "Authorization ",
        "HTTP_AUTHORIZATION",
        "Cookie",
    ] {
        events.push((name, nobodys().header(name, &sound).json()));
    }
    for values in [
        json!([&sound, &sound]),
        json!([&sound, "Bearer x"]),
        json!(["", &sound]),
        json!(["Basic eDp4"]),
        json!([[&sound]]),
    ] {
        let mut event = event("").json();
        event["headers"]["Authorization"] = json!("");
        event["multiValueHeaders"]["Authorization"] = values;
        events.push(("values", event));
    }
    let mut event_of_two = event(&sound).json();
    event_of_two["headers"]["authorization"] = json!("x");
    event_of_two["multiValueHeaders"]["authorization"] = json!(["x"]);
    events.push(("two spellings", event_of_two));
    let mut query = nobodys().json();
    query["queryStringParameters"] = json!({ "client_id": ID, "client_secret": SECRET });
    query["requestContext"]["authorizer"] = json!({ "principalId": ID });
    events.push(("the query", query));
    let body = format!("{form}&client_id={ID}&client_secret=%3F%3E%3F%3E~s3cret~~%3E");
    let event_of_body = Event::introspection(body.as_bytes()).without_header("Authorization");
    events.push(("the body", event_of_body.json()));
    for (what, event) in events {
        let found = service.invoke_introspection(&event).await;
        assert_eq!(found, refused(), "{what}");
    }
    records.are_untouched();

    for authorization in [
        sound.clone(),
        sound.replace("Basic", "bAsIc"),
        sound.replace("Basic", "Basic  "),
        encoded(format!("{}:{}", percent(ID), percent(SECRET))),
        encoded(format!("{ID}:%3f%3e%3F%3E~s3cret%7E~%3e")),
    ] {
        let found = service
            .invoke_introspection(&event(&authorization).json())
            .await;
        assert!(
            matches!(found, (200, Introspected::Active(_))),
            "{authorization}: {found:?}"
        );
    }
}

/// RFC 7662 section 2.1, token scanning: whoever is not known is told the same of every token, and
/// nothing is read for him, whether DynamoDB is there or not.
#[tokio::test]
async fn tells_nothing_of_a_token_before_the_caller_is_known() {
    let service = service().await;
    let [active, revoked, renewed] = [
        service.begin().await,
        service.begin().await,
        service.begin().await,
    ];
    service.invalidate(&revoked.reference).await.issued();
    service.renew(&renewed).await.issued();
    let text = claims_text(&active.token);
    let of_nobody = token_of(&text.replace(r#""acme""#, r#""nobody""#));
    let known = [
        ("acme", active.reference.as_str()),
        ("acme", revoked.reference.as_str()),
        ("acme", renewed.reference.as_str()),
    ];
    let records = Records::of(&service, &known);
    let token = &active.token;
    for fault in [None, Some(Fault::Throttle)] {
        service.dynamodb_faults().set_always(fault);
        for authorization in [
            String::new(),
            encoded("nobody:x"),
            encoded(format!("off:{SECRET}")),
        ] {
            for form in [
                format!("token={token}"),
                format!("token={}", revoked.token),
                format!("token={}", renewed.token),
                format!("token={of_nobody}"),
                format!("token={}x", active.token),
                "token=x".to_owned(),
                "token=".to_owned(),
                String::new(),
                format!("token={token}&token={token}"),
                format!("token={}", "a".repeat(5_000)),
            ] {
                let event = Event::introspection(form.as_bytes());
                let event = event.header("Authorization", &authorization);
                for event in [event.clone(), event.base64("*")] {
                    let found = service.invoke_introspection(&event.json()).await;
                    assert_eq!(found, refused(), "{form}");
                }
            }
        }
    }
    service.dynamodb_faults().set_always(None);
    records.are_untouched();
}

/// The same of sessions at a renewal and an invalidation, whose body nobody opens before.
#[tokio::test]
async fn tells_nothing_of_a_session_before_the_caller_is_known() {
    let service = service().await;
    let [active, revoked] = [service.begin().await, service.begin().await];
    service.invalidate(&revoked.reference).await.issued();
    let globexs = service.begin_as(globex(), &Plain::new()).await;
    let known = [
        ("acme", active.reference.as_str()),
        ("acme", revoked.reference.as_str()),
    ];
    let records = Records::of(&service, &known);
    let key = &acme().payload_keys[0];
    let mut answers = Vec::new();
    for fault in [None, Some(Fault::Throttle)] {
        service.dynamodb_faults().set_always(fault);
        for session in [&active, &revoked, &globexs] {
            for request in [
                with_header(session.request(), "x-api-key", "nobody's"),
                and_header(session.request(), "x-api-key", &session.sdk_api_key),
                with_header(session.request_of(String::new()), "x-api-key", "nobody's"),
            ] {
                let reply = service.send_renewal(request, session).await;
                answers.push(reply.refused_plainly(401, "TOK002").body);
            }
        }
        for reference in [
            &active.reference,
            &revoked.reference,
            &globexs.reference,
            "never",
        ] {
            let plaintext = json!({ "tokenReferenceId": reference }).to_string();
            let body = peers::jwe::seal(plaintext.as_bytes(), &key.k, None);
            let event = Event::of_body(&body).path(peers::partner::INVALIDATE_PATH);
            let event = event.header("X-API-KEY", "nobody's");
            let reply = service.invoke_event(&event).await;
            answers.push(reply.refused_plainly(401, "TOK002").body);
        }
    }
    service.dynamodb_faults().set_always(None);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    records.are_untouched();
}
