//! A session's token, its requests and its name in the wrong hands.

use bytes::Bytes;
use http::Request;
use peers::{
    credentials::Credentials,
    jwe::seal,
    partner::{INVALIDATE_PATH, token_request_at},
};
use serde_json::json;
use service_tests::{
    Plain, Reply, Service, acme, digest, globex,
    table::{Table, now, number},
    with_header, without_header,
};

use super::Records;

/// An invalidation of a partner's.
fn ending(partner: &Credentials, reference: &str) -> Request<Bytes> {
    let plaintext = json!({ "tokenReferenceId": reference }).to_string();
    let body = seal(plaintext.as_bytes(), &partner.payload_keys[0].k, None);
    token_request_at(INVALIDATE_PATH, partner, body).unwrap()
}

/// The members of a sealed `TOK400` that fail.
fn failing(reply: Reply) -> Vec<String> {
    let reply = reply.refused(400, "TOK400");
    reply.failing().into_iter().map(str::to_owned).collect()
}

/// RFC 9700 section 4.10: a thief has the token with all headers of its session, and any key but
/// the session's.
#[tokio::test]
async fn a_stolen_token_is_of_use_under_no_key_but_its_sessions() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let globexs = service.begin_as(globex(), &Plain::new()).await;
    let namesake = Plain::of(&session.reference);
    let namesake = service.begin_as(globex(), &namesake).await;
    let reference = session.reference.as_str();
    let known = [
        ("acme", reference),
        ("acme", other.reference.as_str()),
        ("globex", reference),
    ];
    let records = Records::of(&service, &known);
    let keys = [
        ("zeros", [0; 32]),
        ("ones", [0xff; 32]),
        ("the token's digest", digest(&session.token)),
        ("the referenceId's digest", digest(reference)),
        ("the sdkApiKey's digest", digest(&session.sdk_api_key)),
        ("another session's", other.key),
        ("another partner's session's", globexs.key),
        ("its namesake's", namesake.key),
        ("a payload key", acme().payload_keys[0].k),
        ("an older payload key", acme().payload_keys[1].k),
        ("another partner's payload key", globex().payload_keys[0].k),
    ];
    let mut bodies = vec![
        ("nothing", String::new()),
        ("the token", session.token.clone()),
    ];
    for (whose, key) in keys {
        for kid in [None, Some("acme-2026-11"), Some("token-2026-11")] {
            bodies.push((whose, seal(session.plaintext().as_bytes(), &key, kid)));
        }
    }
    let usual = service
        .send_renewal(session.request_of("x".to_owned()), &session)
        .await;
    let usual = usual.refused_plainly(400, "TOK422");
    for (whose, body) in bodies {
        let reply = service
            .send_renewal(session.request_of(body), &session)
            .await;
        assert_eq!(
            (reply.status, &reply.body),
            (400, &usual.body),
            "{whose}: {reply}"
        );
    }
    records.are_untouched();
    service.renew(&session).await.issued();
}

/// RFC 9700 section 4.14: the very bytes of a renewal, sent again at each stage of its session.
#[tokio::test]
async fn a_captured_renewal_moves_nothing_and_its_answer_stays_sealed() {
    let service = Service::start().await;
    let plain = Plain::new();
    let session = service.begin_as(acme(), &plain).await;
    let captured = session.request();
    let replay = async || service.send_renewal(captured.clone(), &session).await;
    let of_session = [("acme", session.reference.as_str())];

    let first = replay().await.issued();
    let records = Records::of(&service, &of_session);
    for _ in 0..3 {
        let again = replay().await.replays(&first);
        assert!(again.is_sealed() && again.body != first.body);
    }
    records.are_as_they_were();

    let next = session.with_token(first.token());
    let second = service.renew(&next).await.issued();
    let records = Records::of(&service, &of_session);
    replay().await.ended("superseded");
    // Under the header of a newer token it is about another one; under other headers, nobody's.
    for newer in [first.token(), second.token()] {
        let mixed = with_header(captured.clone(), "x-api-token", newer);
        let reply = service.send_renewal(mixed, &session).await;
        assert_eq!(failing(reply), ["token"]);
    }
    let other = with_header(captured.clone(), "x-account-number", "1");
    let reply = service.send_renewal(other, &session).await;
    assert_eq!(failing(reply), ["X-ACCOUNT-NUMBER"]);
    let other = with_header(captured.clone(), "x-api-key", &globex().sdk_api_key);
    let reply = service.send_renewal(other, &session).await;
    reply.refused_plainly(401, "TOK002");
    records.are_as_they_were();

    service.invalidate(&session.reference).await.issued();
    let records = Records::of(&service, &of_session);
    replay().await.ended("revoked");
    records.are_as_they_were();
    // The pair's next session.
    let table = Table::of(&service);
    table.set(&session.reference, "ttl", number(now())).await;
    replay().await.ended("expired");
    let later = service.begin_as(acme(), &plain).await;
    let records = Records::of(&service, &of_session);
    replay().await.ended("superseded");
    records.are_as_they_were();
    service.renew(&later).await.issued();
}

#[tokio::test]
async fn a_renewal_whose_body_is_about_another_token_renews_neither() {
    let service = Service::start().await;
    let first = service.begin().await;
    let second = first.with_token(service.renew(&first).await.issued().token());
    let other = service.begin().await;
    let known = [
        ("acme", first.reference.as_str()),
        ("acme", other.reference.as_str()),
    ];
    let records = Records::of(&service, &known);
    for (header, body) in [
        (&first, &second),
        (&second, &first),
        (&first, &other),
        (&other, &first),
    ] {
        // Under the key of the session that the header names.
        let request = header.request_sealing(body.plaintext().as_bytes());
        assert_eq!(
            failing(service.send_renewal(request, header).await),
            ["token"]
        );
    }
    for (header, body) in [(&first, &other), (&other, &second)] {
        // Under the key of the other one.
        let sealed = body.request().into_body();
        let request = header.request().map(|_| sealed);
        let reply = service.send_renewal(request, header).await;
        reply.refused_plainly(400, "TOK422");
    }
    records.are_untouched();
    service.renew(&second).await.issued();
}

/// CAPEC-90. The answer to a renewal is the one message that could be the next one's body, as the
/// session key seals both and unknown members are ignored.
#[tokio::test]
async fn a_reflected_answer_tells_nothing_and_takes_nothing_from_the_sdk() {
    let service = Service::start().await;
    let session = service.begin().await;
    let refused = session.request_sealing(b"{}");
    let refused = service.send_renewal(refused, &session).await;
    let first = service.renew(&session).await.issued();
    let next = session.with_token(first.token());
    let of_session = [("acme", session.reference.as_str())];
    let records = Records::of(&service, &of_session);
    for (answer, session) in [(&first, &session), (&refused, &session), (&refused, &next)] {
        let request = session.request_of(answer.body.clone());
        let reply = service.send_renewal(request, session).await;
        assert_eq!(failing(reply), ["token"]);
    }
    records.are_untouched();
    // An attacker who has the next token, too, sends the SDK's own renewal before the SDK does. The
    // attacker reads nothing, and the SDK gets the very same token.
    let request = next.request_of(first.body.clone());
    let moved = service.send_renewal(request, &next).await.issued();
    assert!(moved.is_sealed());
    service.renew(&next).await.replays(&moved);
    let last = session.with_token(moved.token());
    let request = last.request_of(first.body.clone());
    assert_eq!(
        failing(service.send_renewal(request, &last).await),
        ["token"]
    );
}

/// Get Token and Invalidate share their keys, and each has members that the other lacks.
#[tokio::test]
async fn takes_no_message_of_another_operation() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];
    let asked = Plain::new();
    let asking = seal(asked.json().as_bytes(), &key.k, None);
    let issued = service.post(&asking).await.issued();
    let session = service.begin().await;
    let other = service.begin().await;
    let ended = service.invalidate(&other.reference).await.issued();
    let renewed = service.renew(&session).await.issued();
    let ending = ending(acme(), &session.reference).into_body();
    let ending = String::from_utf8(ending.to_vec()).unwrap();
    let renewing = session.request().into_body();
    let renewing = String::from_utf8(renewing.to_vec()).unwrap();
    let known = [
        ("acme", session.reference.as_str()),
        ("acme", other.reference.as_str()),
    ];
    let records = Records::of(&service, &known);
    for body in [&asking, &issued.body, &ended.body] {
        let request = token_request_at(INVALIDATE_PATH, acme(), body.clone()).unwrap();
        assert_eq!(failing(service.send(request).await), ["tokenReferenceId"]);
    }
    for body in [&ending, &ended.body] {
        let failing = failing(service.post(body).await);
        assert!(
            failing.iter().any(|name| name == "sdkPublicKey"),
            "{failing:?}"
        );
    }
    // The session key opens nothing but renewals, and a payload key none of them.
    for body in [&renewing, &renewed.body] {
        let request = token_request_at(INVALIDATE_PATH, acme(), body.clone()).unwrap();
        service.send(request).await.refused_plainly(400, "TOK422");
        service.post(body).await.refused_plainly(400, "TOK422");
    }
    for body in [asking, issued.body, ending, ended.body] {
        let reply = service
            .send_renewal(session.request_of(body), &session)
            .await;
        reply.refused_plainly(400, "TOK422");
    }
    records.are_untouched();
}

/// CWE-639: a partner names what is another's.
#[tokio::test]
async fn no_partner_reaches_the_session_of_another() {
    let service = Service::start().await;
    let session = service.begin().await;
    let namesake = Plain::of(&session.reference);
    let namesake = service.begin_as(globex(), &namesake).await;
    let theirs = service.begin_as(globex(), &Plain::new()).await;
    let reference = session.reference.as_str();
    let known = [
        ("acme", reference),
        ("globex", reference),
        ("globex", theirs.reference.as_str()),
    ];
    let records = Records::of(&service, &known);

    for handle in [
        theirs.reference.clone(),
        reference.to_uppercase(),
        format!("{reference}-"),
        "acme".to_owned(),
    ] {
        let reply = service.send(ending(acme(), &handle)).await;
        reply.refused(404, "TOK404");
    }
    records.are_as_they_were();
    let asked = service.dynamodb_faults().requests();
    for handle in [
        format!("globex#{reference}"),
        format!("acme#{reference}"),
        format!("#{reference}"),
        format!("../globex/{reference}"),
        format!("globex%23{reference}"),
        format!("{reference} "),
        format!("{reference}\u{0}"),
        "*".to_owned(),
    ] {
        let reply = service.send(ending(acme(), &handle)).await;
        assert_eq!(failing(reply), ["tokenReferenceId"], "{handle}");
    }
    // A captured invalidation under another API key, and under none.
    let captured = ending(acme(), reference);
    for (request, status, code) in [
        (
            with_header(captured.clone(), "x-api-key", &globex().api_key),
            400,
            "TOK422",
        ),
        (
            with_header(captured.clone(), "x-api-key", &acme().sdk_api_key),
            401,
            "TOK002",
        ),
        (without_header(captured.clone(), "x-api-key"), 401, "TOK002"),
    ] {
        service.send(request).await.refused_plainly(status, code);
    }
    // A token and its session key under another partner's sdkApiKey.
    for (session, other) in [(&session, globex()), (&namesake, acme())] {
        for key in [&other.sdk_api_key, &other.api_key] {
            let request = with_header(session.request(), "x-api-key", key);
            let reply = service.send_renewal(request, session).await;
            reply.refused_plainly(401, "TOK002");
        }
    }
    // One token with the other's body.
    for (header, body) in [(&session, &namesake), (&namesake, &session)] {
        let sealed = body.request().into_body();
        let request = header.request().map(|_| sealed);
        let reply = service.send_renewal(request, header).await;
        reply.refused_plainly(400, "TOK422");
    }
    assert_eq!(service.dynamodb_faults().requests(), asked);
    records.are_as_they_were();
    service.renew(&session).await.issued();
    service.renew(&namesake).await.issued();
}
