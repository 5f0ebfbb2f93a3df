//! The examples held against each other: what follows from some of them, the others must say.

mod record;

use std::fmt::Debug;

use peers::{
    credentials::Jwk,
    jwe,
    partner::TOKEN_PATH,
    resource_server::{self, open_token},
    sdk::KeyPair,
};
use serde_json::Value;
use service_tests::{acme, api_keys, hash_of, server_keys};

use super::{bytes, page::Page};

/// Where the page contradicts itself.
pub(crate) type Fault = String;

type Check = fn(&Page) -> Result<(), Fault>;

pub(crate) const ALL: [(&str, Check); 8] = [
    ("a request and its JWE", request),
    ("the call", call),
    ("the answer", answer),
    ("the session key", session_key),
    ("the token", token),
    ("errors", errors),
    ("the record", record::record),
    ("the secrets documents", secrets),
];

fn request(page: &Page) -> Result<(), Fault> {
    let shown = json(page.text("payload-key"))?;
    let key = payload_key();
    same(
        "payload-key",
        &shown,
        &api_keys()["partners"][0]["payloadKeys"]["keys"][0],
    )?;
    for suffix in ["", "-without-kid"] {
        let part = |name: &str| page.text(&format!("request-{name}{suffix}"));
        let iv = bytes::hex(part("iv"))?
            .try_into()
            .map_err(|_| "the IV is not 12 bytes")?;
        let plaintext = page.text("request-plaintext").as_bytes();
        let sealed = jwe::seal_with_header(part("header"), plaintext, &key.k, iv);
        same("request-jwe", part("jwe"), &sealed)?;
        same("request-aad", part("aad"), segment(&sealed, 0))?;
    }
    let header = |name| json(page.text(name));
    same("kid", &header("request-header")?["kid"], &shown["kid"])?;
    same(
        "no kid",
        header("request-header-without-kid")?.get("kid"),
        None,
    )
}

fn call(page: &Page) -> Result<(), Fault> {
    let jwe = page.text("request-jwe");
    let head = format!(
        "POST {TOKEN_PATH} HTTP/1.1\nHost: api.example.com\nX-API-KEY: {}\nContent-Type: text/plain\n\n",
        acme().api_key
    );
    same(
        "request-http",
        page.text("request-http"),
        format!("{head}{jwe}"),
    )
}

fn answer(page: &Page) -> Result<(), Fault> {
    let (head, jwe) = page
        .text("answer-http")
        .split_once("\n\n")
        .ok_or("no body")?;
    let (head, _request_id) = head
        .split_once("\nX-Request-Id: ")
        .ok_or("no X-Request-Id")?;
    let expected = "HTTP/1.1 200 OK\nContent-Type: text/plain\nCache-Control: no-store";
    same("answer-http", head, expected)?;
    same(
        "answer-plaintext",
        page.text("answer-plaintext"),
        &opened(jwe)?,
    )?;
    let header = bytes::base64url(segment(jwe, 0))?;
    same(
        "answer-header",
        page.text("answer-header").as_bytes(),
        &header,
    )?;
    let request = json(page.text("request-plaintext"))?;
    let answer = json(page.text("answer-plaintext"))?;
    same(
        "referenceId",
        &answer["referenceId"],
        &request["referenceId"],
    )?;
    let exp = json(page.text("token-claims"))?["exp"]
        .as_u64()
        .ok_or("no exp")?;
    same("expireAt", answer["expireAt"].as_u64(), Some(exp * 1000))
}

fn session_key(page: &Page) -> Result<(), Fault> {
    let private = page.text("sdk-private-jwk");
    let sdk = KeyPair::from_jwk(private).map_err(|error| error.to_string())?;
    same(
        "sdkPublicKey",
        text(&json(page.text("request-plaintext"))?, "sdkPublicKey")?,
        sdk.public_key(),
    )?;
    let answer = json(page.text("answer-plaintext"))?;
    let server_pub_key = text(&answer, "serverPubKey")?.to_owned();
    let server = page.text("server-public-jwk");
    same(
        "server-public-jwk",
        server.as_bytes(),
        &bytes::base64url(&server_pub_key)?,
    )?;

    let z = bytes::agree(&json(private)?, &json(server)?)?;
    same("z", &bytes::hex(page.text("z"))?, &z)?;
    let kdf_input = [
        b"\0\0\0\x01",
        &z[..],
        b"\0\0\0\x07A256GCM",
        &[0; 8],
        b"\0\0\x01\0",
    ]
    .concat();
    same(
        "kdf-input",
        &bytes::hex(page.text("kdf-input"))?,
        &kdf_input,
    )?;
    let key = bytes::hex(page.text("session-key"))?;
    same("session-key", &key, &bytes::sha256(&kdf_input))?;
    let derived = sdk
        .session_key(&server_pub_key)
        .map_err(|error| error.to_string())?;
    same("session-key, as the SDK derives it", &key[..], &derived[..])?;
    let claims = json(page.text("token-claims"))?;
    let bound = resource_server::session_key(&claims).map_err(|error| error.to_string())?;
    same("cnf", &key[..], &bound[..])
}

fn token(page: &Page) -> Result<(), Fault> {
    let token = token_of(page)?;
    let header = bytes::base64url(segment(&token, 0))?;
    same(
        "token-header",
        page.text("token-header").as_bytes(),
        &header,
    )?;
    let secret = json(page.text("server-keys-secret"))?;
    let claims = open_token(&token, &secret).map_err(|error| error.to_string())?;
    same("token-claims", &json(page.text("token-claims"))?, &claims)?;
    let key = bytes::base64url(text(&secret["token"]["keys"][0], "k")?)?;
    let key = key.try_into().map_err(|_| "a token key is 32 bytes")?;
    let opened = jwe::open(&token, &key).map_err(|error| error.to_string())?;
    same(
        "token-claims",
        page.text("token-claims").as_bytes(),
        &opened.plaintext,
    )?;

    let request = json(page.text("request-plaintext"))?;
    let partner = &json(page.text("api-keys-secret"))?["partners"][0];
    for (claim, expected) in [
        ("sub", &request["accountNumber"]),
        ("ref", &request["referenceId"]),
        ("client_id", &partner["partnerId"]),
        ("program_id", &partner["programId"]),
    ] {
        same(claim, &claims[claim], expected)?;
    }
    let lifetime = claims["exp"]
        .as_i64()
        .zip(claims["iat"].as_i64())
        .map(|(exp, iat)| exp - iat);
    same(
        "the lifetime",
        lifetime,
        partner["tokenTtlSeconds"].as_i64(),
    )
}

fn errors(page: &Page) -> Result<(), Fault> {
    same(
        "failing-plaintext",
        page.text("failing-plaintext"),
        &opened(page.text("failing-jwe"))?,
    )?;
    same(
        "failing-answer",
        page.text("failing-answer"),
        &opened(page.text("failing-answer-jwe"))?,
    )
}

fn secrets(page: &Page) -> Result<(), Fault> {
    let api_keys_shown = json(page.text("api-keys-secret"))?;
    let mut partner = api_keys()["partners"][0].clone();
    partner["tokenTtlSeconds"] = 1800.into();
    partner["enabled"] = true.into();
    same(
        "api-keys-secret",
        &api_keys_shown,
        &serde_json::json!({ "partners": [partner] }),
    )?;
    same(
        "server-keys-secret",
        &json(page.text("server-keys-secret"))?,
        &server_keys(),
    )?;
    let line = |key: &str| format!("{}  {key}", hash_of(key));
    let hashes = [line(&acme().api_key), line(&acme().sdk_api_key)].join("\n");
    same("api-key-hashes", page.text("api-key-hashes"), &hashes)?;
    for (name, key) in [
        ("apiKeySha256", &acme().api_key),
        ("sdkApiKeySha256", &acme().sdk_api_key),
    ] {
        same(name, &api_keys_shown["partners"][0][name][0], &hash_of(key))?;
    }
    Ok(())
}

/// The names of a JSON object's members in the order written; no value of the examples holds `":`.
pub(crate) fn member_names(json: &str) -> Vec<&str> {
    json.match_indices("\":")
        .filter_map(|(end, _)| json[..end].rsplit('"').next())
        .collect()
}

fn same<T: PartialEq<U> + Debug, U: Debug>(what: &str, shown: T, expected: U) -> Result<(), Fault> {
    match shown == expected {
        true => Ok(()),
        false => Err(format!(
            "{what}: the page has\n{shown:?}\nbut it follows\n{expected:?}"
        )),
    }
}

fn payload_key() -> &'static Jwk {
    &acme().payload_keys[0]
}

fn opened(jwe: &str) -> Result<String, Fault> {
    let opened = jwe::open(jwe, &payload_key().k).map_err(|error| error.to_string())?;
    String::from_utf8(opened.plaintext).map_err(|error| error.to_string())
}

fn token_of(page: &Page) -> Result<String, Fault> {
    Ok(text(&json(page.text("answer-plaintext"))?, "token")?.to_owned())
}

fn segment(jwe: &str, index: usize) -> &str {
    jwe.split('.').nth(index).unwrap_or_default()
}

/// A JWK's `x` and `y`.
fn point(jwk: &Value) -> Result<Vec<u8>, Fault> {
    Ok([
        bytes::base64url(text(jwk, "x")?)?,
        bytes::base64url(text(jwk, "y")?)?,
    ]
    .concat())
}

fn json(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))
}

fn text<'v>(object: &'v Value, member: &str) -> Result<&'v str, Fault> {
    object[member]
        .as_str()
        .ok_or_else(|| format!("no {member}: {object}"))
}
