use serde_json::{Value as Json, json};

use super::*;

const K: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn keys(kids: &[&str]) -> Json {
    let keys: Vec<Json> = kids
        .iter()
        .map(|kid| json!({"kty": "oct", "kid": kid, "k": K, "alg": "A256GCM"}))
        .collect();
    json!({ "keys": keys })
}

fn acme() -> Json {
    json!({"partners": [{
        "partnerId": "acme",
        "programId": 2001,
        "apiKeySha256": ["00".repeat(32)],
        "sdkApiKeySha256": ["11".repeat(32)],
        "payloadKeys": keys(&["new", "old"]),
        "tokenTtlSeconds": 600,
        "enabled": true,
    }]})
}

/// The fault of the document with one member, by JSON pointer, set or (with `None`) removed.
fn fault(mut document: Json, pointer: &str, value: Option<Json>) -> String {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match (document.pointer_mut(parent).unwrap(), value) {
        (Json::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
        (Json::Object(members), None) => drop(members.remove(name)),
        (Json::Array(elements), Some(value)) => elements[name.parse::<usize>().unwrap()] = value,
        _ => panic!("no {pointer}"),
    }
    match api_keys(&document.to_string()) {
        Ok(_) => panic!("accepted {document}"),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn reads_partners_with_and_without_the_optional_members() {
    assert!(api_keys(&acme().to_string()).is_ok());
    let mut minimal = acme();
    let partner = minimal["partners"][0].as_object_mut().unwrap();
    partner.remove("tokenTtlSeconds");
    partner.remove("sessionTtlSeconds");
    partner.remove("enabled");
    assert!(api_keys(&minimal.to_string()).is_ok());
}

#[test]
fn names_the_failing_member_and_never_its_value() {
    let p = |name: &str| format!("/partners/0/{name}");
    for (name, value, expected) in [
        (
            "partnerId",
            json!("a#b"),
            "partners[0].partnerId must be 1-64",
        ),
        ("partnerId", json!(""), "partners[0].partnerId must be 1-64"),
        (
            "programId",
            json!(2147483648_u64),
            "partners[0].programId must be an integer",
        ),
        (
            "programId",
            json!(-1),
            "partners[0].programId must be an integer",
        ),
        (
            "programId",
            json!("2001"),
            "partners[0].programId must be an integer",
        ),
        (
            "programId",
            json!(1.0),
            "partners[0].programId must be an integer",
        ),
        (
            "apiKeySha256",
            json!([]),
            "partners[0].apiKeySha256 must not be empty",
        ),
        (
            "apiKeySha256",
            json!(["secret"]),
            "partners[0].apiKeySha256[0] must be the SHA-256",
        ),
        (
            "apiKeySha256",
            json!([format!("+{}", "1".repeat(63))]),
            "partners[0].apiKeySha256[0] must be the SHA-256",
        ),
        (
            "apiKeySha256",
            json!(["00".repeat(32), "00".repeat(32)]),
            "partners[0].apiKeySha256[1] must not occur twice",
        ),
        (
            "sdkApiKeySha256",
            json!("secret"),
            "partners[0].sdkApiKeySha256 must be an array",
        ),
        (
            "tokenTtlSeconds",
            json!(59),
            "partners[0].tokenTtlSeconds must be an integer from 60",
        ),
        (
            "tokenTtlSeconds",
            json!(86401),
            "partners[0].tokenTtlSeconds must be an integer from 60",
        ),
        (
            "tokenTtlSeconds",
            Json::Null,
            "partners[0].tokenTtlSeconds must be an integer from 60",
        ),
        (
            "enabled",
            json!("secret"),
            "partners[0].enabled must be true or false",
        ),
        (
            "enabeld",
            json!(false),
            "partners[0].enabeld is not a member of this document",
        ),
        (
            "payloadKeys",
            json!({"keys": []}),
            "partners[0].payloadKeys.keys must not be empty",
        ),
        (
            "payloadKeys",
            json!([]),
            "partners[0].payloadKeys must be an object",
        ),
        (
            "payloadKeys",
            keys(&["a"; 2]),
            "partners[0].payloadKeys.keys[1].kid must not occur twice",
        ),
        (
            "payloadKeys",
            keys(&["a b"]),
            "partners[0].payloadKeys.keys[0].kid must be 1-128",
        ),
        (
            "payloadKeys",
            keys(&["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
            "partners[0].payloadKeys.keys must have at most 8 keys",
        ),
        (
            "payloadKeys",
            json!({"keys": [{"kty": "RSA", "kid": "a", "k": K}]}),
            "partners[0].payloadKeys.keys[0].kty must be oct",
        ),
    ] {
        let fault = fault(acme(), &p(name), Some(value));
        assert!(fault.starts_with(expected), "{fault}");
        assert!(!fault.contains("secret\""), "{fault}");
    }
    for k in [
        "",
        "c2VjcmV0",
        &format!("{K}A"),
        &format!("{K}="),
        &K.replace('8', "/"),
    ] {
        let fault = fault(acme(), "/partners/0/payloadKeys/keys/0/k", Some(json!(k)));
        let expected = "partners[0].payloadKeys.keys[0].k must be base64url of exactly 32 bytes, \
                        without padding";
        assert_eq!(fault, expected);
    }
}

#[test]
fn names_a_missing_or_misplaced_member() {
    for name in [
        "partnerId",
        "programId",
        "apiKeySha256",
        "sdkApiKeySha256",
        "payloadKeys",
    ] {
        let fault = fault(acme(), &format!("/partners/0/{name}"), None);
        assert_eq!(fault, format!("partners[0].{name} is required"));
    }
    assert_eq!(fault(acme(), "/partners", None), "partners is required");
    let empty = fault(acme(), "/partners", Some(json!([])));
    assert_eq!(empty, "partners must not be empty");
    let extra = fault(acme(), "/extra", Some(json!(1)));
    assert_eq!(extra, "extra is not a member of this document");
}

#[test]
fn refuses_a_partner_an_api_key_or_a_payload_key_at_two_but_not_the_rest() {
    let two = |id: &str, api_key: &str, k: &str| {
        let mut document = acme();
        let mut second = document["partners"][0].clone();
        second["partnerId"] = json!(id);
        second["apiKeySha256"] = json!([api_key.repeat(32)]);
        // Twice at one partner is no fault.
        second["payloadKeys"]["keys"] = json!([
            {"kty": "oct", "kid": "a", "k": k},
            {"kty": "oct", "kid": "b", "k": k},
        ]);
        document["partners"].as_array_mut().unwrap().push(second);
        api_keys(&document.to_string())
            .map(drop)
            .map_err(|fault| fault.to_string())
    };
    let own = "B".repeat(42) + "A";
    let shared = acme()["partners"][0]["payloadKeys"]["keys"][1]["k"].clone();
    let shared = shared.as_str().unwrap();
    assert_eq!(two("globex", "22", &own), Ok(()));
    assert_eq!(
        two("acme", "22", &own).unwrap_err(),
        "partners[1].partnerId must not occur twice"
    );
    assert_eq!(
        two("globex", "00", &own).unwrap_err(),
        "partners[1].apiKeySha256[0] must not occur twice"
    );
    assert_eq!(
        two("globex", "22", shared).unwrap_err(),
        "partners[1].payloadKeys.keys[0].k must not be another partner's key too: each could read \
         the other's requests; and 1 more"
    );
}

#[test]
fn refuses_what_is_not_json_with_its_place() {
    let fault = |text: &str| api_keys(text).map(drop).unwrap_err().to_string();
    assert_eq!(
        fault("{"),
        "the secret is not JSON: syntax error at line 1, column 1: it is cut off"
    );
    assert_eq!(
        fault(r#"{"partners":[],"partners":[]}"#),
        "the secret has a repeated member: partners"
    );
    assert_eq!(
        fault(&format!("{{}}{}", " ".repeat(65_535))),
        "the secret is over 65536 bytes"
    );
}

#[test]
fn reads_both_server_rings() {
    let document = json!({"token": keys(&["t1", "t2"]), "record": keys(&["r1"])});
    let server_keys = server_keys(&document.to_string()).unwrap();
    assert_eq!(server_keys.token.sealer().kid().as_str(), "t1");
    assert_eq!(server_keys.record.sealer().kid().as_str(), "r1");
}

/// All faults of the partners' document.
fn faults(document: &Json) -> Vec<String> {
    let faults = api_keys(&document.to_string()).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn names_every_fault_once_and_in_a_line_the_first() {
    let mut document = acme();
    let mut second = document["partners"][0].clone();
    second["enabeld"] = json!(false);
    second["programId"] = json!("2001");
    second["payloadKeys"]["keys"] = json!([{"kty": "RSA", "kid": "a b"}, 7]);
    second.as_object_mut().unwrap().remove("sdkApiKeySha256");
    let partners_of = document["partners"].as_array_mut().unwrap();
    partners_of.extend([second, json!("initech")]);
    let expected = [
        "partners[1].enabeld is not a member of this document",
        "partners[1].programId must be an integer from 0 to 2147483647",
        "partners[1].sdkApiKeySha256 is required",
        "partners[1].payloadKeys.keys[0].kty must be oct",
        "partners[1].payloadKeys.keys[0].kid must be 1-128 printable ASCII characters without spaces",
        "partners[1].payloadKeys.keys[0].k is required",
        "partners[1].payloadKeys.keys[1] must be an object",
        "partners[1].partnerId must not occur twice",
        "partners[1].apiKeySha256[0] must not occur twice",
        "partners[2] must be an object",
    ];
    assert_eq!(faults(&document), expected);
    let faults = api_keys(&document.to_string()).unwrap_err();
    assert_eq!(faults.to_string(), format!("{}; and 9 more", expected[0]));
}

#[test]
fn names_the_faults_of_both_rings() {
    let document = json!({"token": {"keys": []}, "record": 1, "rekord": {}});
    let faults = server_keys(&document.to_string()).unwrap_err();
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "rekord is not a member of this document",
            "token.keys must not be empty",
            "record must be an object",
        ]
    );
}

#[test]
fn takes_a_document_of_the_largest_size_and_a_ring_of_eight_keys() {
    let mut document = acme();
    document["partners"][0]["payloadKeys"] = keys(&["1", "2", "3", "4", "5", "6", "7", "8"]);
    let text = document.to_string();
    let padded = |len: usize| format!("{text}{}", " ".repeat(len - text.len()));
    assert!(api_keys(&padded(MAX_BYTES)).is_ok());
    assert_eq!(
        api_keys(&padded(MAX_BYTES + 1)).unwrap_err(),
        DocumentFault::Size.into()
    );
}

#[test]
fn says_what_the_text_is_instead_and_nothing_of_it() {
    let sound = acme().to_string();
    let twice = Json::from(sound.as_str()).to_string();
    let utf16: String = sound.chars().flat_map(|c| [c, '\0']).collect();
    for (text, hint) in [
        (format!("\u{feff}{sound}"), "a byte order mark"),
        (format!("\u{ef}\u{bb}\u{bf}{sound}"), "read as Latin-1"),
        (sound.replace('"', "\u{201d}"), "curly quotes"),
        (sound.replace('"', "'"), "single quotes"),
        (sound.replace('"', "\\\""), "backslashes"),
        (sound.replace("}]}", "},]}"), "a comma before a } or ]"),
        (sound.replace("600}", "600,}"), "a comma before a } or ]"),
        (sound[..sound.len() - 9].to_owned(), "it is cut off"),
        (twice, "made JSON twice"),
        (format!("[{sound}]"), "it is an array"),
        (utf16, "UTF-16"),
        (String::new(), "it is empty"),
        (" \n".to_owned(), "it is empty"),
        ("eyJwYXJ0bmVycyI6W119".to_owned(), "base64"),
        ("partners: []".to_owned(), "does not begin with {"),
    ] {
        let Err(fault) = api_keys(&text) else {
            panic!("accepted {text}")
        };
        let fault = fault.to_string();
        assert!(fault.contains(hint), "{hint}: {fault}");
        assert!(!fault.contains(K) && !fault.contains("acme"), "{fault}");
    }
    // Nothing is guessed of a document that begins and ends as one.
    let Err(fault) = api_keys("{\"partners\" []}") else {
        panic!("accepted")
    };
    assert!(fault.to_string().ends_with("line 1, column 13"), "{fault}");
}
