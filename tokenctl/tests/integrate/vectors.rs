//! `tokenctl explain` over the published vectors: what the service refuses is never called sound,
//! and the explanation is about the rule that the vector breaks.

use peers::jwe;
use serde_json::{Value, json};

use super::run::{Ended, Folder, tokenctl_of};

fn vectors(file: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

/// An explanation with the vector's keys as the partner's.
fn explain(vector: &Value, body: &str) -> Ended {
    let keys = match vector.get("keys") {
        Some(keys) => keys.clone(),
        None => json!([vector["key"]]),
    };
    let folder = Folder::new();
    let credentials = folder.credentials(|file| {
        file["payloadKeys"] = json!({ "keys": keys });
        file["sdkApiKey"] = "vectors-sdk-api-key".into();
    });
    tokenctl_of(body, &["explain", "--json", "--credentials", &credentials])
}

fn faults(ended: &Ended) -> String {
    let report = ended.json();
    let faults = report["findings"].as_array().unwrap().iter();
    let faults = faults.filter(|finding| finding["result"] == "fault");
    faults
        .map(|it| it["text"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn agrees_with_the_service_on_every_request_vector() {
    let (mut sound, mut faulty) = (0, 0);
    for vector in vectors(include_str!("../../../docs/vectors/request.json")) {
        let name = vector["name"].as_str().unwrap();
        let body = vector
            .get("body")
            .unwrap_or(&vector["jwe"])
            .as_str()
            .unwrap();
        let ended = explain(&vector, body);
        let faults = faults(&ended);
        if vector["httpStatus"] == 200 {
            assert_eq!((ended.code, faults.as_str()), (0, ""), "{name}");
            sound += 1;
            continue;
        }
        assert_eq!(ended.code, 6, "{name}: {}", ended.out);
        let subject = match (name, vector["fault"].as_str()) {
            ("curly-quotes", _) => "curly quotes",
            ("quoted-twice", _) => "double quotes",
            ("json-serialization", _) => "JSON serialization",
            ("empty", _) => "five segments",
            (_, None) => "JSON",
            (_, Some(fault)) => match fault {
                "repeated-header-member" => "repeated",
                "kid-not-a-string" => "kid must be a string",
                "kid-unknown" => "none of the credentials' payload keys",
                "header-too-long" => "1 KiB",
                "header-not-an-object" => "JSON object",
                "encrypted-key" => "encrypted key",
                "iv-size" => "IV has",
                "tag-size" => "tag has",
                "wrong-key" => "key",
                "tampered" => "changed",
                "not-encrypted" => "not encrypted",
                same => same,
            },
        };
        let subject = if name == "not-a-request" {
            "required"
        } else {
            subject
        };
        assert!(faults.contains(subject), "{name}: no {subject} in {faults}");
        faulty += 1;
    }
    assert!(sound > 10 && faulty > 50, "{sound} and {faulty}");
}

#[test]
fn agrees_with_the_service_on_every_members_vector() {
    let key = peers::credentials::Jwk {
        kid: "k-1".to_owned(),
        k: [3; 32],
    };
    let (mut sound, mut faulty) = (0, 0);
    for mut vector in vectors(include_str!("../../../docs/vectors/members.json")) {
        let name = vector["name"].as_str().unwrap().to_owned();
        vector["key"] = key.to_json();
        let plaintext = vector["plaintextUtf8"]
            .as_str()
            .unwrap()
            .as_bytes()
            .to_vec();
        let ended = explain(&vector, &jwe::seal(&plaintext, &key.k, Some("k-1")));
        let faults = faults(&ended);
        if vector["valid"] == true {
            assert_eq!((ended.code, faults.as_str()), (0, ""), "{name}");
            sound += 1;
            continue;
        }
        assert_eq!(ended.code, 6, "{name}: {}", ended.out);
        let of_json = match vector["fault"].as_str().unwrap() {
            "not-json" => Some("not JSON"),
            "not-an-object" => Some("not an object"),
            "repeated-member" => Some("repeated"),
            "too-deep" => Some("deeper than 8"),
            "lone-surrogate" => Some("surrogate"),
            _ => None,
        };
        let fields = vector["fields"].as_array().unwrap().iter();
        let fields: Vec<&str> = fields.map(|field| field.as_str().unwrap()).collect();
        for subject in fields.iter().copied().chain(of_json) {
            assert!(faults.contains(subject), "{name}: no {subject} in {faults}");
        }
        // Each fault of a member is one cross, and nothing else gets one.
        if of_json.is_none() {
            assert_eq!(faults.lines().count(), fields.len(), "{name}: {faults}");
        }
        faulty += 1;
    }
    assert!(sound > 30 && faulty > 60, "{sound} and {faulty}");
}

#[test]
fn an_answer_is_sound_only_if_it_is_a_token_and_the_services() {
    let (mut sound, mut faulty) = (0, 0);
    for vector in vectors(include_str!("../../../docs/vectors/answer.json")) {
        let name = vector["name"].as_str().unwrap();
        // Which answer was asked for, only the one who asked knows.
        if name == "reference-id" {
            continue;
        }
        let ended = explain(&vector, vector["jwe"].as_str().unwrap());
        let is_token = vector["valid"] == true && vector["httpStatus"] == 200;
        assert_eq!(
            ended.code,
            if is_token { 0 } else { 6 },
            "{name}: {}",
            ended.out
        );
        if vector["valid"] == true {
            let report = ended.json();
            assert_eq!(report["kind"], "answer", "{name}");
            assert!(ended.out.contains("authenticated"), "{name}");
            sound += 1;
        } else {
            faulty += 1;
        }
    }
    assert!(sound > 10 && faulty > 20, "{sound} and {faulty}");
}

#[test]
fn every_token_is_recognised() {
    let mut tokens = 0;
    for vector in vectors(include_str!("../../../docs/vectors/token.json")) {
        if vector["valid"] == true {
            let ended = tokenctl_of(
                vector["jwe"].as_str().or(vector["token"].as_str()).unwrap(),
                &["explain", "--json"],
            );
            assert_eq!((ended.code, &ended.json()["kind"]), (0, &json!("token")));
            assert!(ended.out.contains("only a resource server"));
            tokens += 1;
        }
    }
    assert!(tokens > 0);
}
