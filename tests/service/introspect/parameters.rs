//! The request's form: path, method, size, type and parameters, and the order of failures.

use bytes::Bytes;
use http::Request;
use peers::{resource_server::INTROSPECT_PATH, rules::introspection::Introspected};
use sandbox::Fault;
use service_tests::{
    Event, Service, and_header, claims, claims_text, introspection_of, token_of, with_header,
    without_header,
};

/// A request of the development's resource server with this body.
pub(super) fn asking(body: &str) -> Request<Bytes> {
    introspection_of("").map(|_| body.to_owned().into())
}

async fn is_refused(service: &Service, request: Request<Bytes>, status: u16, what: &str) {
    let error = match status {
        401 => "invalid_client",
        503 => "temporarily_unavailable",
        _ => "invalid_request",
    };
    let found = service.send_introspection(request).await;
    assert_eq!(
        found,
        (status, Introspected::Refused(error.to_owned())),
        "{what}"
    );
}

#[tokio::test]
async fn each_parameter_comes_once_and_token_is_needed() {
    let service = Service::start().await;
    let session = service.begin().await;
    let token = &session.token;
    for body in [
        String::new(),
        "&&".to_owned(),
        "token".to_owned(),
        "token=".to_owned(),
        "token=&token_type_hint=access_token".to_owned(),
        format!("Token={token}"),
        format!(" token={token}"),
        format!("token_type_hint={token}"),
        format!("token={token}&token={token}"),
        format!("token={token}&token="),
        format!("token&token={token}"),
        format!("token={token}&tok%65n={token}"),
        format!("token={token}&token_type_hint=a&token_type_hint=a"),
        format!("token={token}&x=1&x=2"),
        format!("x&token={token}&x"),
        format!("token={}", "a".repeat(4097)),
        format!(r#"{{"token":"{token}"}}"#),
    ] {
        is_refused(&service, asking(&body), 400, &body).await;
    }
    assert_eq!(service.gets(), 0);
    let active = (200, Introspected::Active(claims(token)));
    for body in [
        format!("token={token}"),
        format!("token={token}&token_type_hint=access_token"),
        format!("token_type_hint=nonsense&token={token}"),
        format!("&token={token}&&"),
        format!("x=1&y=1&token={token}&z"),
        format!("token={token}&client_id=wallet&resource=a"),
        format!("%74oken={}", token.replace('.', "%2E")),
    ] {
        let found = service.send_introspection(asking(&body)).await;
        assert_eq!(found, active, "{body}");
    }
    for length in [1, 4096] {
        let body = format!("token={}", "a".repeat(length));
        let found = service.send_introspection(asking(&body)).await;
        assert_eq!(found, (200, Introspected::Inactive), "{length}");
    }
}

#[tokio::test]
async fn a_token_of_4_kib_is_looked_at() {
    let service = Service::start().await;
    let session = service.begin().await;
    let text = claims_text(&session.token);
    // White space before the claims: each claim has a form of its own, and none is so long.
    let longest = (2000..4096)
        .rev()
        .map(|width| token_of(&format!("{text:>width$}")))
        .find(|token| token.len() <= 4096);
    let longest = longest.unwrap();
    assert!(longest.len() >= 4095, "{}", longest.len());
    let active = Introspected::Active(claims(&longest));
    assert_eq!(service.introspect(&longest).await, active);
}

#[tokio::test]
async fn only_a_form_that_is_posted_is_read() {
    let service = Service::start().await;
    let session = service.begin().await;
    let body = format!("token={}", session.token);
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let mut request = asking(&body);
        *request.method_mut() = method.parse().unwrap();
        is_refused(&service, request, 405, method).await;
    }
    let typed = |value: &str| with_header(asking(&body), "content-type", value);
    for request in [
        without_header(asking(&body), "content-type"),
        typed(""),
        typed("text/plain"),
        typed("application/json"),
        typed("application/x-www-form-urlencoded-x"),
        typed("multipart/form-data; boundary=a"),
        and_header(
            asking(&body),
            "content-type",
            "application/x-www-form-urlencoded",
        ),
    ] {
        let shown = format!("{:?}", request.headers());
        is_refused(&service, request, 415, &shown).await;
    }
    for content_type in [
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded",
    ] {
        let (status, _) = service.send_introspection(typed(content_type)).await;
        assert_eq!(status, 200, "{content_type}");
    }
    let padded = |size: usize| {
        let rest = size - body.len() - "&x=".len();
        asking(&format!("{body}&x={}", "a".repeat(rest)))
    };
    is_refused(
        &service,
        padded(32 * 1024 + 1),
        413,
        "a byte more than 32 KiB",
    )
    .await;
    let (status, _) = service.send_introspection(padded(32 * 1024)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn another_path_is_none_of_introspections() {
    let service = Service::start().await;
    for path in [
        "/token-service/introspect/x",
        "/token-service/Introspect",
        "/token-service/v2/introspect",
        "/introspect",
    ] {
        let mut request = asking("token=a");
        *request.uri_mut() = path.parse().unwrap();
        service.send(request).await.refused_plainly(404, "TOK404");
    }
}

#[tokio::test]
async fn every_kind_of_event_is_read() {
    let service = Service::start().await;
    let session = service.begin().await;
    let body = format!("token={}", session.token);
    let event = Event::introspection(body.as_bytes()).path(&format!("/prod{INTROSPECT_PATH}"));
    let active = (200, Introspected::Active(claims(&session.token)));
    for event in [event.clone(), event.clone().text(&body)] {
        for event in [
            event.clone(),
            event.clone().http("prod"),
            event.http_payload_1(),
        ] {
            assert_eq!(service.invoke_introspection(&event.json()).await, active);
        }
    }
    let refused = (400, Introspected::Refused("invalid_request".to_owned()));
    let event = event.base64("token=a").json();
    assert_eq!(service.invoke_introspection(&event).await, refused);
}

#[tokio::test]
async fn the_first_failure_of_the_order_answers() {
    let service = Service::start().await;
    let session = service.begin().await;
    // One request that fails in every way from `row` on, and in none before.
    let failing_from = |row: usize| {
        let mut body = format!("token={}", session.token);
        if row <= 4 {
            body.push_str("&x&x");
        }
        if row <= 1 {
            body.push_str(&"&".repeat(32 * 1024));
        }
        let mut request = asking(&body);
        if row <= 3 {
            request = with_header(request, "authorization", "Basic eDp4");
        }
        if row <= 2 {
            request = with_header(request, "content-type", "text/plain");
        }
        if row == 0 {
            *request.method_mut() = http::Method::GET;
        }
        request
    };
    service.dynamodb_faults().set_always(Some(Fault::Throttle));
    for (row, status) in [(0, 405), (1, 413), (2, 415), (3, 401), (4, 400), (5, 503)] {
        is_refused(&service, failing_from(row), status, &format!("row {row}")).await;
        assert_eq!(service.gets() > 0, row == 5, "row {row}");
    }
    // Without secrets nobody is told more.
    let faults = sandbox::Faults::default();
    faults.set_always(Some(Fault::Throttle));
    let service = Service::start_with(|options| options.secrets_faults = faults).await;
    for (row, status) in [(0, 405), (1, 413), (2, 415), (3, 503), (4, 503), (5, 503)] {
        is_refused(&service, failing_from(row), status, &format!("row {row}")).await;
    }
}
