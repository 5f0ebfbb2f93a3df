//! HTTP around the JWE: paths, methods, sizes, types and headers, from either kind of API Gateway.

mod event;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use peers::{
    jwe::seal,
    partner::{LEGACY_TOKEN_PATH, TOKEN_PATH, token_request},
};
use serde_json::json;
use service_tests::{Event, Plain, Service, acme};

/// The largest body.
const LIMIT: usize = 32 * 1024;

#[tokio::test]
async fn serves_both_paths_and_both_methods_from_both_gateways() {
    let service = Service::start().await;
    for (path, success) in [
        (TOKEN_PATH, json!("TOK200")),
        (LEGACY_TOKEN_PATH, json!(100)),
    ] {
        for method in ["POST", "GET"] {
            for http in [false, true] {
                let event = Event::new(&Plain::new()).path(path).method(method);
                let event = if http { event.http("$default") } else { event };
                let reply = service.invoke_event(&event).await.issued();
                assert_eq!(reply.json["resCode"], success);
                assert_eq!(reply.text("resDesc"), "SUCCESS");
            }
        }
    }
}

#[tokio::test]
async fn serves_get_with_a_body_through_the_gateway() {
    let service = Service::start().await;
    for path in [TOKEN_PATH, LEGACY_TOKEN_PATH] {
        let key = &acme().payload_keys[0];
        let body = seal(Plain::new().json().as_bytes(), &key.k, None);
        let mut request = token_request(acme(), body).unwrap();
        *request.method_mut() = Method::GET;
        *request.uri_mut() = path.parse().unwrap();
        service.send(request).await.issued();
    }
}

#[tokio::test]
async fn finds_its_path_behind_a_stage_or_a_base_path() {
    let service = Service::start().await;
    // REST, HTTP with payload 1.0 (a REST API's but for its version), HTTP with payload 2.0.
    let of_each_api = |path: &str| {
        let event = Event::new(&Plain::new()).path(path);
        [
            event.clone(),
            Event::new(&Plain::new()).path(path).http_payload_1(),
            Event::new(&Plain::new()).path(path).http("prod"),
        ]
    };
    for before in [
        "/prod",
        "/v1",
        "/token-service",
        "/partners/token",
        "/$default",
    ] {
        for path in [TOKEN_PATH, LEGACY_TOKEN_PATH] {
            for event in of_each_api(&format!("{before}{path}")) {
                service.invoke_event(&event).await.issued();
            }
        }
    }
    for path in [
        format!("/x{}", TOKEN_PATH.trim_start_matches('/')),
        format!("/prodx{}", TOKEN_PATH.trim_start_matches('/')),
        format!("prod{TOKEN_PATH}"),
        format!("/prod/{TOKEN_PATH}"),
        "/prod".to_owned(),
        "/prod/".to_owned(),
    ] {
        for event in of_each_api(&path) {
            service
                .invoke_event(&event)
                .await
                .refused_plainly(404, "TOK404");
        }
    }
}

#[tokio::test]
async fn has_nothing_at_other_paths() {
    let service = Service::start().await;
    for path in [
        "/",
        "",
        "/token-service",
        "/token-service/client/server/new/v2/token/",
        "/token-service/client/server/new/v2/token/x",
        "/token-service/client/server/new/v2/tokens",
        "/token-service/client/server/new/v2/Token",
        "/token-service/client/server/new/v1/token",
        "//token-service/client/server/new/v2/token",
        "/token-service//client/server/new/v2/token",
        "/token-service/client/server/new/v2/%74oken",
        "/xtoken-service/client/server/new/v2/token",
        "token-service/client/server/new/v2/token",
        "/not a path/%zz/\u{0}é?#",
    ] {
        for method in ["POST", "GET", "DELETE"] {
            let event = Event::new(&Plain::new()).path(path).method(method);
            service
                .invoke_event(&event)
                .await
                .refused_plainly(404, "TOK404");
            service
                .invoke_event(&event.http("$default"))
                .await
                .refused_plainly(404, "TOK404");
        }
    }
}

#[tokio::test]
async fn says_which_methods_are_allowed() {
    let service = Service::start().await;
    for method in [
        "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "",
    ] {
        for http in [false, true] {
            let event = Event::new(&Plain::new()).method(method);
            let event = if http { event.http("$default") } else { event };
            let reply = service
                .invoke_event(&event)
                .await
                .refused_plainly(405, "TOK405");
            let mut allowed: Vec<&str> = reply
                .header("allow")
                .unwrap()
                .split(',')
                .map(str::trim)
                .collect();
            allowed.sort_unstable();
            assert_eq!(allowed, ["GET", "POST"]);
        }
    }
}

/// An authentic body of this size: white space behind the JWE is dropped, but counts.
fn body_of(size: usize) -> String {
    let key = &acme().payload_keys[0];
    let jwe = seal(Plain::new().json().as_bytes(), &key.k, None);
    format!("{jwe}{}", " ".repeat(size - jwe.len()))
}

#[tokio::test]
async fn takes_32_kib_and_not_a_byte_more() {
    let service = Service::start().await;
    let event = |size: usize, base64: bool, http: bool| {
        let body = body_of(size);
        let event = match base64 {
            true => Event::of_body("").base64(&STANDARD.encode(body)),
            false => Event::of_body(&body),
        };
        if http { event.http("$default") } else { event }
    };
    for base64 in [false, true] {
        for http in [false, true] {
            service
                .invoke_event(&event(LIMIT, base64, http))
                .await
                .issued();
            let reply = service.invoke_event(&event(LIMIT + 1, base64, http)).await;
            reply.refused_plainly(413, "TOK413");
        }
    }
    for size in [LIMIT + 2, LIMIT + 3, LIMIT + 4, 200_000] {
        service
            .invoke_event(&event(size, true, false))
            .await
            .refused_plainly(413, "TOK413");
    }
    // Bytes count, not characters: 16,384 of two bytes each, and one.
    service
        .invoke_event(&Event::of_body(&"é".repeat(LIMIT / 2)))
        .await
        .refused_plainly(400, "TOK422");
    let too_long = Event::of_body(&format!("a{}", "é".repeat(LIMIT / 2)));
    service
        .invoke_event(&too_long)
        .await
        .refused_plainly(413, "TOK413");
}

#[tokio::test]
async fn seals_a_request_of_32_kib() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];
    // Unknown members are ignored, however long.
    let filled = |filler: usize| {
        let plain = Plain::new().text("filler", &"x".repeat(filler)).json();
        seal(plain.as_bytes(), &key.k, None)
    };
    let room = (LIMIT - filled(0).len()) / 4 * 3 - 3;
    let body = filled(room);
    assert!(
        body.len() <= LIMIT && body.len() > LIMIT - 16,
        "{}",
        body.len()
    );
    service.post(&body).await.issued();
}

#[tokio::test]
async fn takes_the_body_as_text_or_base64() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];
    for http in [false, true] {
        let plain = Plain::new();
        let body = seal(plain.json().as_bytes(), &key.k, Some(&key.kid));
        let event = Event::of_body("").base64(&STANDARD.encode(&body));
        let event = if http { event.http("$default") } else { event };
        let first = service.invoke_event(&event).await.issued();
        service
            .invoke_event(&Event::of_body(&body))
            .await
            .replays(&first);
    }
}

#[tokio::test]
async fn takes_the_types_that_a_jwe_comes_in() {
    let service = Service::start().await;
    for accepted in [
        "text/plain",
        "TEXT/PLAIN",
        "text/plain; charset=utf-8",
        "text/plain;charset=ISO-8859-1",
        "Text/Plain ; x=\"y;z\"",
        "application/jose",
        "application/jose; charset=utf-8",
        "application/json",
        "Application/JSON;charset=UTF-8",
    ] {
        let event = Event::new(&Plain::new()).header("Content-Type", accepted);
        service.invoke_event(&event).await.issued();
        service
            .invoke_event(
                &Event::new(&Plain::new())
                    .header("content-type", accepted)
                    .http("$default"),
            )
            .await
            .issued();
    }
    let event = Event::new(&Plain::new()).without_header("Content-Type");
    service.invoke_event(&event).await.issued();
    service
        .invoke_event(
            &Event::new(&Plain::new())
                .without_header("Content-Type")
                .http("$default"),
        )
        .await
        .issued();

    for refused in [
        "text/html",
        "text",
        "text/plainx",
        "text/plain, text/html",
        "*/*",
        "text/*",
        "application/octet-stream",
        "application/jose+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=text/plain",
        "; text/plain",
        "text /plain",
        "application/jwt",
    ] {
        let event = Event::new(&Plain::new()).header("Content-Type", refused);
        service
            .invoke_event(&event)
            .await
            .refused_plainly(415, "TOK415");
    }
}

#[tokio::test]
async fn takes_every_type_through_the_gateway() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];
    // API Gateway hands `application/jose` over as base64.
    for content_type in ["text/plain", "application/jose", "application/json"] {
        let body = seal(Plain::new().json().as_bytes(), &key.k, None);
        let mut request = token_request(acme(), body).unwrap();
        request
            .headers_mut()
            .insert("content-type", content_type.parse().unwrap());
        service.send(request).await.issued();
    }
    let mut request =
        token_request(acme(), seal(Plain::new().json().as_bytes(), &key.k, None)).unwrap();
    request.headers_mut().remove("content-type");
    service.send(request).await.issued();
}

#[tokio::test]
async fn spells_codes_as_numbers_on_the_first_versions_path() {
    let service = Service::start().await;
    let first = Plain::new();
    service
        .invoke_event(&Event::new(&first).legacy())
        .await
        .issued();
    let long = " ".repeat(LIMIT + 1);
    let known = |plain: Plain| Event::new(&plain).legacy();
    for (event, status, code) in [
        (known(Plain::new()).method("PUT"), 405, 405),
        (Event::of_body(&long).legacy(), 413, 413),
        (
            known(Plain::new()).header("Content-Type", "text/html"),
            415,
            415,
        ),
        (known(Plain::new()).header("X-API-KEY", "x"), 401, 2),
        (Event::of_body("x").legacy(), 400, 422),
        (known(Plain::new().without("accountNumber")), 400, 400),
        (known(Plain::new().text("sdkApiKey", "x")), 401, 4),
        (known(first.text("name", "x")), 409, 409),
    ] {
        for event in [event.clone(), event.http("$default")] {
            let reply = service.invoke_event(&event).await;
            assert_eq!(
                (reply.status, &reply.json["resCode"]),
                (status, &json!(code)),
                "{reply}"
            );
        }
    }
    service
        .dynamodb_faults()
        .set_always(Some(sandbox::Fault::Throttle));
    let reply = service.invoke_event(&known(Plain::new())).await;
    assert_eq!(
        (reply.status, &reply.json["resCode"]),
        (503, &json!(503)),
        "{reply}"
    );
    let denied = sandbox::Fault::status(400, "AccessDeniedException");
    service.dynamodb_faults().set_always(Some(denied));
    let reply = service.invoke_event(&known(Plain::new())).await;
    assert_eq!(
        (reply.status, &reply.json["resCode"]),
        (500, &json!(3)),
        "{reply}"
    );
}
