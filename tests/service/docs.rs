//! `docs/protocol.md` and `docs/examples.md`: the bytes of each example recompute with the
//! sandbox's crypto, which is not the service's own. The running service answers the example
//! requests as the page shows, and does what the tables of the contract state.

mod bytes;
mod check;
mod page;
mod tables;

use std::collections::BTreeMap;

use peers::jwe;
use sandbox::{Logs, item_size::item_size};
use serde_json::Value;
use service_tests::{Reply, Service, acme};

use check::member_names;
use page::{Http, Page};

#[test]
fn every_example_recomputes() {
    let page = Page::read();
    for (topic, check) in check::ALL {
        check(&page).unwrap_or_else(|fault| panic!("docs/examples.md, {topic}: {fault}"));
    }
}

#[test]
fn every_block_of_the_examples_is_checked() {
    let page = Page::read();
    let read: Vec<&str> = {
        for (_, check) in check::ALL {
            check(&page).unwrap();
        }
        page.names_read()
    };
    let unread: Vec<&str> = page.names().filter(|name| !read.contains(name)).collect();
    assert_eq!(unread, HELD_AGAINST_THE_SERVICE);
    assert_eq!(
        page.unnamed_blocks(),
        ["sh"],
        "only the curl line is not checked"
    );
}

/// What a client sends in vain, and what it is told, is held against the service alone.
const HELD_AGAINST_THE_SERVICE: [&str; 2] = ["unopenable-http", "unopenable-answer-http"];

/// The checks can fail: one changed character in any example is found.
#[test]
fn a_changed_byte_is_found() {
    let page = Page::read();
    let mut found = BTreeMap::new();
    let recomputed = |name: &&str| !HELD_AGAINST_THE_SERVICE.contains(name);
    for name in page.names().filter(recomputed) {
        for changed in page.with_changes_in(name) {
            let unnoticed = check::ALL.iter().all(|(_, check)| check(&changed).is_ok());
            assert!(
                !unnoticed,
                "a change in {name} goes unnoticed:\n{}",
                changed.text(name)
            );
            *found.entry(name).or_insert(0) += 1;
        }
    }
    assert!(
        found.len() > 30 && found.values().all(|changes| *changes == 3),
        "{found:?}"
    );
}

/// A service with the secrets of the page.
async fn service(page: &Page) -> Service {
    let secret = |name| Some(serde_json::from_str(page.text(name)).unwrap());
    Service::start_with(|options| {
        options.logs = Logs::Capture;
        options.api_keys = secret("api-keys-secret");
        options.server_keys = secret("server-keys-secret");
    })
    .await
}

#[tokio::test]
async fn the_service_answers_the_examples_as_shown() {
    let page = Page::read();
    let service = service(&page).await;

    let first = send(&service, page.text("request-http")).await.issued();
    same_headers(&first, page.text("answer-http"));
    let shown = page.text("answer-plaintext");
    assert_eq!(member_names(&plaintext(&first)), member_names(shown));
    let shown: Value = serde_json::from_str(shown).unwrap();
    for same in ["resCode", "resDesc", "referenceId"] {
        assert_eq!(first.json[same], shown[same]);
    }

    let mut item = service.stored(first.text("referenceId"));
    let shown: Value = serde_json::from_str(page.text("record-item")).unwrap();
    let names = |item: &Value| {
        item.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&item), names(&shown));
    for same in ["pk", "status", "sealedBy", "fingerprint"] {
        assert_eq!(item[same], shown[same]);
    }
    // A number's size is its digits' without the zeros at its end, and these are times.
    for number in ["issuedAt", "expireAt", "ttl"] {
        item[number] = shown[number].clone();
    }
    assert_eq!(item_size(&item), item_size(&shown));

    let again = service.post(page.text("request-jwe-without-kid")).await;
    assert_eq!(again.replays(&first).kid(), None);
}

#[tokio::test]
async fn the_service_refuses_the_examples_as_shown() {
    let page = Page::read();
    let service = service(&page).await;

    let failing = service
        .post(page.text("failing-jwe"))
        .await
        .refused(400, "TOK400");
    assert_eq!(plaintext(&failing), page.text("failing-answer"));
    let shown = jwe::header(page.text("failing-answer-jwe")).unwrap();
    assert_eq!(failing.sealed.as_ref().unwrap(), &shown);

    let unopenable = send(&service, page.text("unopenable-http")).await;
    let shown = page.text("unopenable-answer-http");
    same_headers(&unopenable, shown);
    assert_eq!(
        unopenable.refused_plainly(400, "TOK422").body,
        Http::parse(shown).body
    );

    let legacy = page.text("unopenable-http").replace("/v2/token", "/token");
    assert!(
        send(&service, &legacy)
            .await
            .body
            .starts_with(r#"{"resCode":422,"#)
    );
}

/// Sends a request as the page shows it, but for its `Host`.
async fn send(service: &Service, shown: &str) -> Reply {
    let shown = Http::parse(shown);
    let mut line = shown.first_line.split(' ');
    let mut request = http::Request::builder()
        .method(line.next().unwrap())
        .uri(line.next().unwrap());
    for (name, value) in shown.headers.iter().filter(|(name, _)| *name != "Host") {
        request = request.header(*name, *value);
    }
    service
        .send(request.body(shown.body.to_owned().into()).unwrap())
        .await
}

/// The reply has the status and each header of the page; ids differ.
fn same_headers(reply: &Reply, shown: &str) {
    let shown = Http::parse(shown);
    let status = http::StatusCode::from_u16(reply.status).unwrap();
    assert_eq!(shown.first_line, format!("HTTP/1.1 {status}"));
    for (name, value) in shown.headers {
        let actual = reply.header(name).unwrap_or_else(|| panic!("no {name}"));
        match name {
            "X-Request-Id" => assert_eq!(actual.len(), value.len()),
            _ => assert_eq!(actual, value, "{name}"),
        }
    }
}

/// What was sealed, byte for byte.
fn plaintext(reply: &Reply) -> String {
    let key = &acme().payload_keys[0].k;
    let opened = jwe::open(&reply.body, key).expect("the newest key opens it");
    String::from_utf8(opened.plaintext).unwrap()
}
