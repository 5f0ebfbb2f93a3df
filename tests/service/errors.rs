//! The protocol's table of errors: what each row says, and that the first failure of its order
//! answers.

use peers::{jwe::seal, partner::TOKEN_PATH};
use sandbox::Fault;
use serde_json::json;
use service_tests::{Event, Plain, Service, acme, globex};

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
    // DynamoDB's failures are last in the table, and come last: nothing but a write that is due
    // meets them.
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
async fn two_api_keys_at_once_are_none() {
    let service = Service::start().await;
    let mut event = Event::new(&Plain::new()).json();
    event["multiValueHeaders"]["X-API-KEY"] = json!([acme().api_key, globex().api_key]);
    let reply = service.invoke_json(&event).await;
    reply.refused_plainly(401, "TOK002");
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
