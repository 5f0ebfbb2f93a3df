//! The protocol's table of errors: what each row says, and that the first failure of its order answers.

use peers::{
    jwe::{seal, seal_with_header},
    partner::TOKEN_PATH,
};
use sandbox::Fault;
use serde_json::json;
use service_tests::{Event, Plain, Service, acme, globex, initech};

/// One request that fails in every way from `row` on, and in none before.
fn failing_from(row: usize) -> Event {
    let plain = Plain::of("taken");
    let plain = if row <= 6 {
        plain.without("accountNumber")
    } else {
        plain
    };
    let plain = if row <= 7 {
        plain.text("sdkApiKey", "unknown")
    } else {
        plain
    };
    let plain = if row <= 8 {
        plain.text("name", "Another")
    } else {
        plain
    };
    let key = &acme().payload_keys[0];
    let mut body = seal(plain.json().as_bytes(), &key.k, None);
    if row <= 5 {
        body.push_str(".x");
    }
    if row <= 2 {
        body.push_str(&" ".repeat(32 * 1024));
    }
    let event = Event::of_body(&body);
    let event = if row <= 4 {
        event.header("X-API-KEY", "unknown")
    } else {
        event
    };
    let event = if row <= 3 {
        event.header("Content-Type", "text/html")
    } else {
        event
    };
    let event = if row <= 1 {
        event.method("DELETE")
    } else {
        event
    };
    if row == 0 { event.path("/x") } else { event }
}

#[tokio::test]
async fn the_first_failure_of_the_order_answers() {
    let service = Service::start().await;
    service.ask(&Plain::of("taken")).await.issued();
    let rows = [
        (0, 404, "TOK404", false),
        (1, 405, "TOK405", false),
        (2, 413, "TOK413", false),
        (3, 415, "TOK415", false),
        (4, 401, "TOK002", false),
        (5, 400, "TOK422", false),
        (6, 400, "TOK400", true),
        (7, 401, "TOK004", true),
        (8, 409, "TOK409", true),
    ];
    // DynamoDB's failures are last in the table, and come last: nothing but a write that is due meets them.
    for dynamodb_is_down in [false, true] {
        service
            .dynamodb_faults()
            .set_always(dynamodb_is_down.then_some(Fault::Throttle));
        for (row, status, code, sealed) in rows {
            let reply = service.invoke_event(&failing_from(row)).await;
            let (status, code) = match row {
                8 if dynamodb_is_down => (503, "TOK503"),
                _ => (status, code),
            };
            let found = (reply.status, &reply.json["resCode"], reply.is_sealed());
            assert_eq!(found, (status, &json!(code), sealed), "row {row}: {reply}");
            let echo = if row >= 7 {
                json!("taken")
            } else {
                json!(null)
            };
            // Row 6 has a valid referenceId, too.
            let echo = if row == 6 { json!("taken") } else { echo };
            assert_eq!(reply.json["referenceId"], echo, "row {row}: {reply}");
        }
    }
}

#[tokio::test]
async fn a_missing_and_an_unknown_api_key_are_answered_alike() {
    let service = Service::start().await;
    let missing = Event::new(&Plain::new()).without_header("X-API-KEY");
    let missing = service
        .invoke_event(&missing)
        .await
        .refused_plainly(401, "TOK002");
    for key in [
        "",
        " ",
        "x",
        "mob-app-2001",
        "MOB-APP-2001 ",
        " MOB-APP-2001",
        "MOB-APP-200",
        "MOB-APP-20011",
        "MOB-APP-2001, MOB-APP-2001",
        &"k".repeat(8_000),
        &service_tests::hash_of("MOB-APP-2001"),
        "ABCDEFGH",
    ] {
        let reply = service
            .invoke_event(&Event::new(&Plain::new()).header("X-API-KEY", key))
            .await;
        assert_eq!((reply.status, &reply.body), (401, &missing.body), "{key}");
    }
    // Two keys at once are none.
    let mut event = Event::new(&Plain::new()).json();
    event["multiValueHeaders"]["X-API-KEY"] = json!(["MOB-APP-2001", "MOB-APP-2002"]);
    let reply = service.invoke_json(&event).await;
    assert_eq!((reply.status, &reply.body), (401, &missing.body));
}

#[tokio::test]
async fn a_disabled_partner_is_answered_as_an_unknown_one() {
    let service = Service::start().await;
    let unknown = Event::new(&Plain::new()).header("X-API-KEY", "x");
    let unknown = service
        .invoke_event(&unknown)
        .await
        .refused_plainly(401, "TOK002");
    let reply = service
        .ask_as(
            initech(),
            &Plain::new().text("sdkApiKey", &initech().sdk_api_key),
        )
        .await;
    assert_eq!((reply.status, &reply.body), (401, &unknown.body));
}

#[tokio::test]
async fn every_failed_decryption_has_the_same_bytes() {
    let service = Service::start().await;
    let usual = service.post("x").await.refused_plainly(400, "TOK422");
    let key = &acme().payload_keys[0];
    let plain = Plain::new().json();
    let sealed = |header: &str| seal_with_header(header, plain.as_bytes(), &key.k, [1; 12]);
    for body in [
        String::new(),
        "a.b.c.d.e".to_owned(),
        sealed("{}"),
        sealed(r#"{"alg":"none","enc":"A256GCM"}"#),
        sealed(r#"{"alg":"dir","enc":"A256GCM","crit":["x"]}"#),
        sealed(r#"{"alg":"dir","enc":"A256GCM","kid":"unknown"}"#),
        sealed(r#"{"alg":"dir","enc":"A256GCM","kid":"acme-2026-05"}"#),
        seal(plain.as_bytes(), &globex().payload_keys[0].k, None),
        seal(plain.as_bytes(), &key.k, None).replace("..", ".AAAA."),
    ] {
        let reply = service.post(&body).await;
        assert_eq!((reply.status, &reply.body), (400, &usual.body), "{body}");
    }
    let reply = service.invoke_event(&Event::of_body("").base64("*")).await;
    assert_eq!((reply.status, &reply.body), (400, &usual.body));
}

#[tokio::test]
async fn an_error_shows_a_partner_nothing_of_another() {
    let service = Service::start().await;
    // Globex's API key with acme's payload key, and the other way round.
    let acmes = seal(
        Plain::new().json().as_bytes(),
        &acme().payload_keys[0].k,
        None,
    );
    let event = Event::of_body(&acmes).header("X-API-KEY", &globex().api_key);
    service
        .invoke_event(&event)
        .await
        .refused_plainly(400, "TOK422");
    // Globex's sdkApiKey in acme's request.
    let plain = Plain::new().text("sdkApiKey", &globex().sdk_api_key);
    service.ask(&plain).await.refused(401, "TOK004");
    let plain = Plain::new().text("sdkApiKey", &globex().sdk_api_key);
    service.ask_as(globex(), &plain).await.issued();
}

#[tokio::test]
async fn a_request_without_anything_is_answered_too() {
    let service = Service::start().await;
    let request = http::Request::post(TOKEN_PATH)
        .body(bytes::Bytes::new())
        .unwrap();
    service.send(request).await.refused_plainly(401, "TOK002");
}
