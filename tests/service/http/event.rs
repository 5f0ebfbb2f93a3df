//! API Gateway's events in every state: whatever comes in, an answer of the protocol goes out.

use sandbox::proxy_event;
use serde_json::{Value, json};
use service_tests::{Event, Plain, Reply, Service, acme};

#[tokio::test]
async fn reads_headers_whatever_their_case() {
    let service = Service::start().await;
    for name in ["X-API-KEY", "x-api-key", "X-Api-Key", "x-ApI-kEy"] {
        let event = Event::new(&Plain::new())
            .without_header("X-API-KEY")
            .header(name, &acme().api_key);
        service.invoke_event(&event).await.issued();
        let event = Event::new(&Plain::new())
            .header("CONTENT-TYPE", "text/html")
            .header(name, &acme().api_key);
        service
            .invoke_event(&event)
            .await
            .refused_plainly(415, "TOK415");
    }
}

#[tokio::test]
async fn reads_headers_with_one_value_or_many() {
    let service = Service::start().await;
    for dropped in ["headers", "multiValueHeaders"] {
        for absent in [json!(null), json!({})] {
            let mut event = Event::new(&Plain::new()).json();
            event[dropped] = absent;
            service.invoke_json(&event).await.issued();
        }
        let mut event = Event::new(&Plain::new()).json();
        event.as_object_mut().unwrap().remove(dropped);
        service.invoke_json(&event).await.issued();
    }
}

#[tokio::test]
async fn gives_back_the_gateways_request_id() {
    let service = Service::start().await;
    for id in ["c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "JKJaXmPLvHcESHA="] {
        for event in [
            Event::new(&Plain::new()),
            Event::new(&Plain::new()).http("$default"),
            Event::new(&Plain::new()).path("/"),
            Event::new(&Plain::new()).method("PUT"),
            Event::new(&Plain::new()).without_header("X-API-KEY"),
            Event::of_body("x"),
            Event::new(&Plain::new().without("accountNumber")),
        ] {
            let reply = service.invoke_event(&event.request_id(id)).await;
            assert_eq!(reply.request_id(), id, "{reply}");
        }
    }
}

#[tokio::test]
async fn answers_in_the_shape_of_the_gateway_that_asks() {
    let service = Service::start().await;
    for event in [
        Event::new(&Plain::new()),
        Event::new(&Plain::new()).path("/"),
    ] {
        for event in [event.clone(), event.http("$default")] {
            let answer = service.invoke(&event.json()).await.unwrap();
            assert_eq!(
                answer.get("isBase64Encoded").unwrap_or(&json!(false)),
                &json!(false),
                "{answer}"
            );
            assert!(
                answer["statusCode"].is_u64() && answer["body"].is_string(),
                "{answer}"
            );
            // API Gateway merges both, so that a header in both would be sent twice.
            let names = |member: &str| -> Vec<String> {
                let headers = answer[member].as_object();
                headers
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.to_ascii_lowercase())
                    .collect()
            };
            let (single, multi) = (names("headers"), names("multiValueHeaders"));
            assert!(single.iter().all(|name| !multi.contains(name)), "{answer}");
        }
    }
}

/// Something in the place of a member, at a JSON pointer.
fn broken(pointer: &str, value: &Value, http: bool) -> Value {
    let event = Event::new(&Plain::new());
    let mut event = if http { event.http("$default") } else { event }.json();
    if let Some(member) = event.pointer_mut(pointer) {
        *member = value.clone();
    }
    event
}

async fn answer(service: &Service, event: &Value) -> Reply {
    let answer = service.invoke(event).await;
    let answer = answer.unwrap_or_else(|error| panic!("no answer but {error}, to {event}"));
    let response = proxy_event::response(&answer)
        .unwrap_or_else(|error| panic!("{error}: {answer}, to {event}"));
    Reply::read(
        peers::rules::GET_TOKEN,
        response,
        std::slice::from_ref(acme()),
    )
}

#[tokio::test]
async fn answers_every_event_by_the_protocol() {
    let service = Service::start().await;
    for event in [
        json!({}),
        json!([]),
        json!(null),
        json!("x"),
        json!(1),
        json!({"Records": []}),
    ] {
        answer(&service, &event)
            .await
            .refused_plainly(404, "TOK404");
    }
    let values = [
        json!(null),
        json!(1),
        json!(true),
        json!(""),
        json!("é\u{0}\n"),
        json!([]),
        json!([null]),
        json!({}),
        json!({"a": {"b": 1}}),
        json!("x".repeat(100_000)),
    ];
    let rest = [
        "/resource",
        "/path",
        "/httpMethod",
        "/headers",
        "/multiValueHeaders",
        "/requestContext",
        "/body",
        "/requestContext/requestId",
        "/requestContext/stage",
        "/isBase64Encoded",
        "/pathParameters",
        "/headers/X-API-KEY",
        "/multiValueHeaders/X-API-KEY",
        "/headers/Content-Type",
        "/requestContext/identity",
    ];
    let http = [
        "/version",
        "/rawPath",
        "/rawQueryString",
        "/headers",
        "/requestContext",
        "/requestContext/http",
        "/requestContext/http/method",
        "/requestContext/stage",
        "/requestContext/requestId",
        "/body",
        "/isBase64Encoded",
        "/headers/x-api-key",
    ];
    for value in &values {
        for pointer in rest {
            answer(&service, &broken(pointer, value, false)).await;
        }
        for pointer in http {
            answer(&service, &broken(pointer, value, true)).await;
        }
    }
    // And it is still there.
    service
        .invoke_event(&Event::new(&Plain::new()))
        .await
        .issued();
}

#[tokio::test]
async fn answers_a_body_that_is_missing_or_not_base64() {
    let service = Service::start().await;
    let usual = service.post("x").await;
    for http in [false, true] {
        for flagged in [false, true] {
            let mut event = broken("/body", &Value::Null, http);
            event["isBase64Encoded"] = flagged.into();
            let reply = answer(&service, &event).await;
            assert_eq!((reply.status, &reply.body), (400, &usual.body));
            event.as_object_mut().unwrap().remove("body");
            let reply = answer(&service, &event).await;
            assert_eq!((reply.status, &reply.body), (400, &usual.body));
        }
        for body in ["*", "a", "ab=c", "=", "YQ", "é", "Y Q=="] {
            let event = Event::of_body("").base64(body);
            let event = if http { event.http("$default") } else { event };
            let reply = service.invoke_event(&event).await;
            assert_eq!((reply.status, &reply.body), (400, &usual.body), "{body}");
        }
        // Not base64 is found out behind the API key.
        let event = Event::of_body("").base64("*").header("X-API-KEY", "x");
        let event = if http { event.http("$default") } else { event };
        service
            .invoke_event(&event)
            .await
            .refused_plainly(401, "TOK002");
    }
}

#[tokio::test]
async fn answers_headers_beyond_ascii() {
    let service = Service::start().await;
    for value in ["schlüssel", "\u{1f600}", "\u{0}", "a\nb", "\u{7f}", "ÿ"] {
        for http in [false, true] {
            let event = |name: &str| {
                let event = Event::new(&Plain::new()).header(name, value);
                if http { event.http("$default") } else { event }
            };
            service
                .invoke_event(&event("X-API-KEY"))
                .await
                .refused_plainly(401, "TOK002");
            service.invoke_event(&event("User-Agent")).await.issued();
            service
                .invoke_event(&event("Überschrift \n"))
                .await
                .issued();
            service
                .invoke_event(&event("Content-Type"))
                .await
                .refused_plainly(415, "TOK415");
        }
    }
}

#[tokio::test]
async fn answers_an_event_without_a_request_id() {
    let service = Service::start().await;
    for id in [
        json!(null),
        json!(""),
        json!("a\nb"),
        json!("é\u{0}"),
        json!("é"),
        json!("\u{80}"),
        json!("\u{7f}"),
        json!(7),
    ] {
        let reply = answer(&service, &broken("/requestContext/requestId", &id, false))
            .await
            .issued();
        assert!(reply.request_id().bytes().all(|b| b.is_ascii_graphic()));
    }
}
