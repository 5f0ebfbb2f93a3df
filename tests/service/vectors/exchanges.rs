//! Renewals, invalidations and introspections, by the running service.
//!
//! No session of the vectors' tokens is recorded, so none is renewed or active here. `src` tests
//! those answers.

use http::Request;
use peers::{answer::Answer, credentials::Credentials, jwe, partner};
use serde_json::{Value, json};
use service_tests::{Service, hash_of, server_keys};

use super::{
    file::{self, Vector, vectors},
    service::ask,
};

/// The partner of the vectors' tokens.
fn acme() -> Credentials {
    let key = vectors("invalidation")[0].json("key").clone();
    Credentials {
        partner_id: "acme".to_owned(),
        ..file::partner(&[key])
    }
}

/// A service with the vectors' token key, partner and resource server.
async fn service() -> Service {
    let partner = acme();
    let introspection = &vectors("introspection")[0];
    let keys: Vec<Value> = partner
        .payload_keys
        .iter()
        .map(|key| key.to_json())
        .collect();
    let api_keys = json!({
        "partners": [{
            "partnerId": partner.partner_id,
            "programId": 2001,
            "apiKeySha256": [hash_of(&partner.api_key)],
            "sdkApiKeySha256": [hash_of(&partner.sdk_api_key)],
            "payloadKeys": { "keys": keys },
        }],
        "resourceServers": [{
            "resourceServerId": introspection.text("resourceServerId"),
            "secretSha256": [hash_of(introspection.text("secretUtf8"))],
        }],
    });
    let mut rings = server_keys();
    rings["token"] = json!({ "keys": [introspection.json("key")] });
    Service::start_with(|options| {
        options.api_keys = Some(api_keys);
        options.server_keys = Some(rings);
    })
    .await
    .knowing(partner)
}

/// Sends a body to the vector's path, and opens the answer with the key of the exchange.
async fn send(
    service: &Service,
    vector: &Vector,
    headers: &[(&str, &str)],
    content_type: &str,
    body: &str,
) -> Answer {
    let mut request = Request::post(vector.text("path")).header("content-type", content_type);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.to_owned().into()).unwrap();
    let response = partner::call(service.url(), request).await.unwrap();
    let key = vector.part("answer").unwrap().key();
    Answer::read_with(response, |body| jwe::open(body, &key))
        .unwrap_or_else(|error| panic!("{}: {error}", vector.name()))
}

/// The plaintext and the header are the vector's; the IV is fresh.
fn assert_is_its_answer(answer: &Answer, vector: &Vector) {
    let (name, expected) = (vector.name(), vector.part("answer").unwrap());
    let said = std::str::from_utf8(&answer.json).unwrap();
    assert_eq!(
        answer.status.as_u16(),
        *expected.json("httpStatus"),
        "{name}: {said}"
    );
    let text = expected
        .optional("plaintextUtf8")
        .or(expected.optional("bodyUtf8"));
    assert_eq!(Some(said), text, "{name}");
    let header = expected.optional("headerUtf8");
    let header: Option<Value> = header.map(|header| serde_json::from_str(header).unwrap());
    assert_eq!(answer.sealed, header, "{name}");
}

#[tokio::test]
async fn every_invalidation_gets_its_answer() {
    let (service, partner) = (service().await, acme());
    let headers = [("x-api-key", partner.api_key.as_str())];
    for vector in vectors("invalidation") {
        let request = vector.part("request").unwrap();
        let session: Value =
            serde_json::from_str(request.text("plaintextUtf8")).unwrap_or_default();
        let first = json!({
            "referenceId": session["tokenReferenceId"],
            "sdkPublicKey": vectors("sdk-public-key")[0].text("sdkPublicKey"),
            "sdkApiKey": partner.sdk_api_key,
            "accountNumber": "1",
        })
        .to_string();
        if vector.is_valid() {
            drop(ask(&service, &partner, &first).await.issued());
        }
        // To end a session again changes nothing.
        for _ in 0..2 {
            let jwe = request.text("jwe");
            let answer = send(&service, &vector, &headers, "text/plain", jwe).await;
            assert_is_its_answer(&answer, &vector);
        }
        if vector.is_valid() {
            drop(ask(&service, &partner, &first).await.conflicts("revoked"));
        }
    }
}

#[tokio::test]
async fn every_renewal_gets_its_answer() {
    let service = service().await;
    let mut over = 0;
    for vector in vectors("renewal") {
        let headers: Vec<(&str, &str)> = vector
            .json("headers")
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let jwe = vector.part("request").unwrap().text("jwe").to_owned();
        let answer = send(&service, &vector, &headers, "text/plain", &jwe).await;
        if vector.is_valid() || matches!(vector.fault(), Some("revoked" | "superseded")) {
            // Sound, and nothing else stands in its way.
            assert_eq!(answer.status, 401, "{}", vector.name());
            let errors = json!([{"field": "token", "reason": "expired"}]);
            assert_eq!(answer.members["errors"], errors, "{}", vector.name());
            assert_eq!(answer.sealed, Some(json!({"alg": "dir", "enc": "A256GCM"})));
            over += 1;
        } else {
            assert_is_its_answer(&answer, &vector);
        }
    }
    assert_eq!(over, 6);
}

#[tokio::test]
async fn every_introspection_gets_its_answer() {
    let service = service().await;
    for vector in vectors("introspection") {
        let headers: Vec<(&str, &str)> = vector
            .optional("authorization")
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let body = vector.text("bodyUtf8");
        let form = "application/x-www-form-urlencoded";
        let answer = send(&service, &vector, &headers, form, body).await;
        if vector.is_valid() {
            assert_eq!(answer.status, 200, "{}", vector.name());
            assert_eq!(answer.json, br#"{"active":false}"#, "{}", vector.name());
        } else {
            assert_is_its_answer(&answer, &vector);
        }
    }
}
