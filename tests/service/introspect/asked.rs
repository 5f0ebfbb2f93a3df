//! What is asked of DynamoDB, and what becomes of its faults.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use peers::rules::introspection::Introspected;
use sandbox::Fault;
use service_tests::{
    FOREVER, Service, claims,
    table::{Table, text},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A way to `dynamodb` on which what is sent is noted.
async fn noted(dynamodb: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let dynamodb = dynamodb.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((here, _)) = listener.accept().await {
            let (mut from_here, mut to_here) = here.into_split();
            let there = TcpStream::connect(&dynamodb).await.unwrap();
            let (mut from_there, mut to_there) = there.into_split();
            let notes = Arc::clone(&notes);
            tokio::spawn(async move {
                let mut some = [0; 4096];
                while let Ok(count @ 1..) = from_here.read(&mut some).await {
                    notes.lock().unwrap().extend_from_slice(&some[..count]);
                    to_there.write_all(&some[..count]).await.unwrap();
                }
            });
            tokio::spawn(async move { tokio::io::copy(&mut from_there, &mut to_here).await });
        }
    });
    (url, sent)
}

#[tokio::test]
async fn one_strongly_consistent_read_of_three_attributes() {
    let table = Service::start().await;
    let (url, sent) = noted(table.dynamodb_url()).await;
    let service = Service::start_in(&[("AWS_ENDPOINT_URL_DYNAMODB", &url)]).await;
    let session = service.begin().await;
    sent.lock().unwrap().clear();
    let active = Introspected::Active(claims(&session.token));
    assert_eq!(service.introspect(&session.token).await, active);
    let sent = String::from_utf8(sent.lock().unwrap().clone()).unwrap();
    assert_eq!(sent.matches("POST / HTTP/1.1").count(), 1, "{sent}");
    assert!(
        sent.to_lowercase().contains("dynamodb_20120810.getitem"),
        "{sent}"
    );
    let (_, body) = sent.split_once("\r\n\r\n").unwrap();
    let asked: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(asked["ConsistentRead"], true);
    assert_eq!(
        asked["Key"]["pk"]["S"],
        format!("acme#{}", session.reference)
    );
    let mut read: Vec<String> = asked["ProjectionExpression"]
        .as_str()
        .unwrap()
        .split(',')
        .map(str::trim)
        .map(
            |name| match asked["ExpressionAttributeNames"][name].as_str() {
                Some(named) => named.to_owned(),
                None => name.to_owned(),
            },
        )
        .collect();
    read.sort_unstable();
    assert_eq!(read, ["issuedAt", "status", "ttl"]);
}

#[tokio::test]
async fn a_read_that_failed_is_tried_again() {
    let service = Service::start().await;
    let session = service.begin().await;
    for fault in [
        Fault::Refuse,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::BreakOff,
        Fault::Throttle,
        Fault::Malformed,
        Fault::status(500, "InternalServerError"),
        Fault::StallBefore(FOREVER),
    ] {
        let shown = format!("{fault:?}");
        service.dynamodb_faults().push(fault);
        let before = service.gets();
        let active = (200, Introspected::Active(claims(&session.token)));
        assert_eq!(
            service.introspect_session(&session).await,
            active,
            "{shown}"
        );
        assert_eq!(service.gets() - before, 2, "{shown}");
    }
}

#[tokio::test]
async fn a_database_that_is_down_makes_no_token_inactive() {
    let service = Service::start().await;
    let session = service.begin().await;
    let unavailable = (503, "temporarily_unavailable");
    let internal = (500, "server_error");
    for (fault, (status, error)) in [
        (Fault::Throttle, unavailable),
        (Fault::Refuse, unavailable),
        (Fault::status(500, "InternalServerError"), unavailable),
        (Fault::StallBefore(FOREVER), unavailable),
        (Fault::status(400, "AccessDeniedException"), internal),
        (Fault::status(400, "ResourceNotFoundException"), internal),
        (Fault::Malformed, internal),
    ] {
        let shown = format!("{fault:?}");
        service.dynamodb_faults().set_always(Some(fault));
        let found = service.introspect_session(&session).await;
        service.dynamodb_faults().set_always(None);
        let refused = Introspected::Refused(error.to_owned());
        assert_eq!(found, (status, refused), "{shown}");
    }
    let active = (200, Introspected::Active(claims(&session.token)));
    assert_eq!(service.introspect_session(&session).await, active);
}

#[tokio::test]
async fn an_item_that_is_no_record_is_an_internal_error() {
    let service = Service::start().await;
    let table = Table::of(&service);
    let session = service.begin().await;
    let original = table.item(&session.reference).await;
    let refused = (500, Introspected::Refused("server_error".to_owned()));
    for name in ["status", "ttl", "issuedAt"] {
        table
            .set(&session.reference, name, AttributeValue::Null(true))
            .await;
        assert_eq!(
            service.introspect_session(&session).await,
            refused,
            "{name}"
        );
        let mut without = original.clone();
        without.remove(name);
        table.put(without).await;
        assert_eq!(
            service.introspect_session(&session).await,
            refused,
            "no {name}"
        );
        table.put(original.clone()).await;
    }
    table
        .set(&session.reference, "status", text("PAUSED"))
        .await;
    assert_eq!(service.introspect_session(&session).await, refused);
}
