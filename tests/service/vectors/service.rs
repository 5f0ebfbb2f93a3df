//! The running service, with a partner whose payload keys are those of the vectors.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use peers::{
    credentials::Credentials,
    jwe::seal,
    partner::{LEGACY_TOKEN_PATH, token_request},
};
use serde_json::{Value, json};
use service_tests::{Reply, Service, hash_of};

use super::file::{self, Vector, vectors};

/// The partner, with every payload key that a receiver of a request has in the vectors.
fn partner() -> Credentials {
    let mut keys: Vec<Value> = Vec::new();
    for vector in vectors("request") {
        for key in vector.key_set()["keys"].as_array().unwrap() {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    assert_eq!(keys.len(), 2, "a newest and an older key");
    file::partner(&keys)
}

async fn service(partner: &Credentials) -> Service {
    let keys: Vec<Value> = partner
        .payload_keys
        .iter()
        .map(|key| json!({"kty": "oct", "kid": key.kid, "k": key.encoded()}))
        .collect();
    let entry = json!({
        "partnerId": partner.partner_id,
        "programId": 1,
        "apiKeySha256": [hash_of(&partner.api_key)],
        "sdkApiKeySha256": [hash_of(&partner.sdk_api_key)],
        "payloadKeys": { "keys": keys },
    });
    Service::start_with(|options| options.api_keys = Some(json!({ "partners": [entry] })))
        .await
        .knowing(partner.clone())
}

/// A plaintext, sealed under the partner's newest key.
pub(crate) async fn ask(service: &Service, partner: &Credentials, plaintext: &str) -> Reply {
    let key = &partner.payload_keys[0];
    let body = seal(plaintext.as_bytes(), &key.k, Some(&key.kid));
    service.send(token_request(partner, body).unwrap()).await
}

#[tokio::test]
async fn every_request_gets_its_answer() {
    let partner = partner();
    let service = service(&partner).await;
    let mut wrong = Vec::new();
    for vector in vectors("request") {
        let body = vector.optional("body").unwrap_or(vector.text("jwe"));
        let request = token_request(&partner, body.to_owned()).unwrap();
        let reply = service.send(request).await;
        let expected = (
            vector.json("httpStatus").as_u64().unwrap(),
            vector.json("resCode"),
        );
        // What was opened is answered under the key that opened it; what was not, in the clear.
        let sealed = peers::jwe::open(&reply.body, &vector.key()).is_ok();
        if (u64::from(reply.status), &reply.json["resCode"]) != expected
            || sealed != vector.is_valid()
            || reply.is_sealed() != vector.is_valid()
        {
            wrong.push(format!("{}: {reply}", vector.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_request_is_answered_alike_on_the_older_path() {
    let partner = partner();
    let service = service(&partner).await;
    for vector in vectors("request") {
        let body = vector.optional("body").unwrap_or(vector.text("jwe"));
        let mut request = token_request(&partner, body.to_owned()).unwrap();
        *request.uri_mut() = LEGACY_TOKEN_PATH.parse().unwrap();
        let reply = service.send(request).await;
        let expected = match vector.text("resCode") {
            "TOK200" => 100,
            code => code.trim_start_matches("TOK").parse().unwrap(),
        };
        assert_eq!(reply.json["resCode"], expected, "{}", vector.name());
    }
}

#[tokio::test]
async fn every_plaintext_is_judged_by_its_members() {
    let partner = partner();
    let service = service(&partner).await;
    let mut wrong = Vec::new();
    for vector in vectors("members") {
        let reply = ask(&service, &partner, vector.text("plaintextUtf8")).await;
        if !is_as_expected(&vector, &reply) {
            wrong.push(format!("{}: {reply}", vector.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_as_expected(vector: &Vector, reply: &Reply) -> bool {
    let echoed = reply.json["referenceId"] == *vector.json("referenceId");
    if vector.is_valid() {
        return reply.status == 200 && echoed;
    }
    let fields = vector.json("fields").as_array().unwrap();
    let mut fields: Vec<&str> = fields.iter().map(|field| field.as_str().unwrap()).collect();
    fields.sort_unstable();
    reply.status == 400 && reply.json["resCode"] == "TOK400" && reply.failing() == fields && echoed
}

#[tokio::test]
async fn every_sdk_public_key_is_taken_or_named() {
    let partner = partner();
    let service = service(&partner).await;
    let mut wrong = Vec::new();
    for vector in vectors("sdk-public-key") {
        let plaintext = json!({
            "referenceId": format!("sdk-public-key:{}", vector.name()),
            "sdkPublicKey": vector.text("sdkPublicKey"),
            "sdkApiKey": partner.sdk_api_key,
            "accountNumber": "1",
        });
        let reply = ask(&service, &partner, &plaintext.to_string()).await;
        let as_expected = match vector.is_valid() {
            true => reply.status == 200,
            false => reply.json["resCode"] == "TOK400" && reply.failing() == ["sdkPublicKey"],
        };
        if !as_expected {
            wrong.push(format!("{}: {reply}", vector.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All encodings of one key are one key: the same request, so the same token.
#[tokio::test]
async fn every_encoding_of_an_sdk_public_key_is_the_same_request() {
    let partner = partner();
    let service = service(&partner).await;
    let mut first: Option<Reply> = None;
    for vector in vectors("sdk-public-key") {
        if !vector.is_valid() {
            continue;
        }
        let plaintext = json!({
            "referenceId": "one-key",
            "sdkPublicKey": vector.text("sdkPublicKey"),
            "sdkApiKey": partner.sdk_api_key,
            "accountNumber": "1",
        });
        let reply = ask(&service, &partner, &plaintext.to_string()).await;
        match &first {
            None => first = Some(reply.issued()),
            Some(first) => drop(reply.replays(first)),
        }
    }
}

/// Requests of one `pk` in `record.json` that are the same by their vectors are the same to the
/// service, and no others.
#[tokio::test]
async fn records_of_one_item_are_compared_as_their_fingerprints_say() {
    let partner = partner();
    let service = service(&partner).await;
    let mut items: Vec<(Vector, Reply)> = Vec::new();
    for vector in vectors("record") {
        if !vector.is_valid() {
            continue;
        }
        let reply = ask(&service, &partner, vector.text("requestUtf8")).await;
        let first = items
            .iter()
            .find(|(first, _)| first.text("pk") == vector.text("pk"));
        match first {
            None => items.push((vector, reply.issued())),
            Some((first, issued))
                if first.text("fingerprintHex") == vector.text("fingerprintHex") =>
            {
                drop(reply.replays(issued));
            }
            Some(_) => drop(reply.conflicts("reused")),
        }
    }
    assert!(items.len() > 5);
}

/// The token of a request whose `sdkPublicKey` has a rare form holds the key that its SDK derives.
#[tokio::test]
async fn every_sdk_key_pair_gets_its_session_key() {
    let partner = partner();
    let service = service(&partner).await;
    for vector in vectors("session-key") {
        if !vector.is_valid() {
            continue;
        }
        let plaintext = json!({
            "referenceId": format!("session-key:{}", vector.name()),
            "sdkPublicKey": vector.text("sdkPublicKey"),
            "sdkApiKey": partner.sdk_api_key,
            "accountNumber": "1",
        });
        let reply = ask(&service, &partner, &plaintext.to_string())
            .await
            .issued();
        let sdk = peers::sdk::KeyPair::from_jwk(&vector.json("sdkPrivateKey").to_string());
        let derived = sdk
            .unwrap()
            .session_key(reply.text("serverPubKey"))
            .unwrap();
        let claims =
            peers::resource_server::open_token(reply.token(), &service_tests::server_keys())
                .unwrap();
        assert_eq!(
            claims["cnf"]["jwk"]["k"],
            URL_SAFE_NO_PAD.encode(derived),
            "{}",
            vector.name()
        );
    }
}
