//! Names that another language would read: paths, queries, separators, log lines.

use peers::jwe::seal_with_header;
use serde_json::Value;
use service_tests::{Event, Plain, Service, acme, globex, table::Table};

use super::{NAMES, refuses};
use crate::contract;

/// What injections are made of. None of it may be in a log line or an answer.
const INJECTIONS: [&str; 14] = [
    "INJECTED/../../../../dev/null",
    "INJECTED\u{0}.pem",
    "INJECTED' UNION SELECT 'key'--",
    "INJECTED' OR '1'='1",
    "INJECTED;cat /etc/passwd|",
    "INJECTED`id`$(id)",
    "INJECTED#acme",
    "INJECTED\r\nX-API-KEY: MOB-APP-2001",
    "INJECTED\n{\"level\":\"INFO\",\"message\":\"forged\"}",
    "INJECTED\u{1b}[2J\u{1b}]0;title\u{7}",
    "INJECTED${jndi:ldap://127.0.0.1/a}",
    "INJECTED%0d%0aSet-Cookie:%20a",
    "INJECTED<script>alert(1)</script>",
    "http://127.0.0.1/INJECTED.jwks",
];

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Nothing of an injection was logged, and every line is one JSON object.
fn logs_show_nothing(service: &Service) {
    for line in service.log_json() {
        assert!(
            line.is_object() && !line.to_string().contains("INJECTED"),
            "{line}"
        );
        assert!(!line.to_string().contains("forged"), "{line}");
    }
}

/// `kid` chooses a key by equality: it is no path, query or address.
#[tokio::test]
async fn reads_nothing_by_a_kid() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];
    let bodies = INJECTIONS.map(|kid| {
        let header = format!(r#"{{"alg":"dir","enc":"A256GCM","kid":{}}}"#, quoted(kid));
        // Under the partner's key, and under what a path or a query might yield: zeros.
        [key.k, [0; 32]].map(|key| {
            (
                kid,
                seal_with_header(&header, Plain::new().json().as_bytes(), &key, [9; 12]),
            )
        })
    });
    refuses(&service, &bodies.concat()).await;
    logs_show_nothing(&service);
}

#[tokio::test]
async fn shows_nothing_of_a_refused_member_in_answer_or_log() {
    let service = Service::start().await;
    let mut members = contract::members();
    // Any printable text may be an `sdkApiKey`.
    members.retain(|name| name != "sdkApiKey" && !NAMES.contains(&name.as_str()));
    for member in &members {
        for injection in INJECTIONS {
            let plain = Plain::new().text(member, injection);
            let reply = service.ask(&plain).await.refused(400, "TOK400");
            assert_eq!(reply.failing(), [member.as_str()]);
            assert!(!reply.json.to_string().contains("INJECTED"), "{reply}");
            service.log_line(&reply).await;
        }
    }
    // What is nobody's name for a member is not repeated either.
    for injection in INJECTIONS {
        let name = quoted(injection);
        let plain = Plain::new()
            .json()
            .replacen('{', &format!("{{{name}:1,{name}:2,"), 1);
        let reply = service
            .ask_bytes(plain.as_bytes())
            .await
            .refused(400, "TOK400");
        assert!(!reply.json.to_string().contains("INJECTED"), "{reply}");
    }
    logs_show_nothing(&service);
}

#[tokio::test]
async fn shows_nothing_of_a_header_in_answer_or_log() {
    let service = Service::start().await;
    for injection in INJECTIONS {
        for header in [
            "X-API-KEY",
            "Content-Type",
            "User-Agent",
            "X-Request-Id",
            "Host",
        ] {
            for http in [false, true] {
                let event = Event::new(&Plain::new()).header(header, injection);
                let event = if http { event.http("$default") } else { event };
                let reply = service.invoke_event(&event).await;
                assert!(
                    !format!("{:?}{}", reply.headers, reply.json).contains("INJECTED"),
                    "{reply}"
                );
            }
        }
        let path = format!("/token-service/client/server/new/v2/token{injection}");
        let event = Event::new(&Plain::new()).path(&path);
        service
            .invoke_event(&event)
            .await
            .refused_plainly(404, "TOK404");
        // API Gateway's own id is echoed; one that is no header is not.
        let event = Event::new(&Plain::new()).request_id("a\r\nINJECTED: forged");
        let reply = service.invoke_event(&event).await.issued();
        assert!(
            !format!("{:?}", reply.headers).contains("INJECTED"),
            "{:?}",
            reply.headers
        );
    }
    logs_show_nothing(&service);
}

/// `acme` and `x` must not name what `acme#x` names, nor another partner's record.
#[tokio::test]
async fn names_no_record_of_another_partner() {
    let service = Service::start().await;
    let theirs = Plain::of("shared").text("sdkApiKey", &globex().sdk_api_key);
    service.ask_as(globex(), &theirs).await.issued();
    // The same reference is another record.
    let ours = service.ask(&Plain::of("shared")).await.issued();
    assert!(!ours.is_replayed());
    let table = Table::of(&service);
    assert_eq!(table.count().await, 2);
    for reference in [
        "#shared",
        "globex#shared",
        "acme#shared",
        "shared#",
        "../globex/shared",
        "globex%23shared",
    ] {
        let reply = service
            .ask(&Plain::of(reference))
            .await
            .refused(400, "TOK400");
        assert_eq!(reply.failing(), ["referenceId"], "{reference}");
    }
    assert_eq!(table.count().await, 2);
}
