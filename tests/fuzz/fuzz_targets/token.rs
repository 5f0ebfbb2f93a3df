//! A token as somebody presents it: `token::open`, beside another reading (`peers`). The input is
//! the compact JWE, or, if it begins with a brace, the claims that the harness seals with the token
//! key.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use peers::resource_server;
use serde_json::Value;
use token_service::{
    secrets::{self, ServerKeys},
    token::{self, TokenIdentity},
};
use token_service_fuzz::{
    budget::{watched, within},
    events,
    service::development_secrets,
    strict_json,
};

static OURS: LazyLock<ServerKeys> =
    LazyLock::new(|| secrets::server_keys(development_secrets()[1]).unwrap());
static THEIRS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(development_secrets()[1]).unwrap());

fuzz_target!(|bytes: &[u8]| watched(bytes, check));

fn check(bytes: &[u8]) {
    let compact = events::of_token(bytes);
    let identity = TokenIdentity {
        issuer: "token-service".to_owned(),
        audience: "bankezy-sdk".to_owned(),
    };
    let limit = 64 * 1024 + 16 * compact.len();
    let ring = &OURS.token;
    let ours = within(limit, || token::open(&compact, ring, &identity));
    // serde reads a claim's members from an array, too, which nobody can send who has no token key.
    if serde_json::from_slice::<Value>(bytes)
        .is_ok_and(|sent| sent["cnf"].is_array() || sent["cnf"]["jwk"].is_array())
    {
        return;
    }
    let theirs = claims(&compact);
    let Ok(ours) = ours else {
        assert!(theirs.is_none(), "refused: {theirs:?}");
        return;
    };
    let debug = format!("{ours:?}");
    let theirs = theirs.expect("opened by the service alone");
    assert_eq!(theirs["sub"], **ours.account_number);
    assert_eq!(theirs["client_id"], ours.partner.as_str());
    assert_eq!(theirs["program_id"], ours.program_id);
    assert_eq!(theirs["jti"], ours.id.as_str());
    assert_eq!(theirs["ref"], ours.reference_id.as_str());
    assert!(debug.contains("account_number: redacted") && debug.contains("SessionKey(redacted)"));
}

/// The claims, if they are those of a token of this service, each once.
fn claims(compact: &str) -> Option<Value> {
    if compact.len() > 4096 {
        return None;
    }
    let opened = resource_server::open_token_as_sealed(compact, &THEIRS).ok()?;
    let claims = opened.json().ok()?;
    let is_each_once = !strict_json::shape(&opened.plaintext).ok()?.repeated;
    resource_server::check_claims(&claims).ok()?;
    resource_server::session_key(&claims).ok()?;
    let names = |value: &Value| value.as_object().map_or(0, |members| members.len());
    let is_exact = (names(&claims["cnf"]), names(&claims["cnf"]["jwk"])) == (1, 2);
    let is_ours = claims["iss"] == "token-service" && claims["aud"] == "bankezy-sdk";
    let is_small = claims["program_id"].as_u64()? <= u64::from(u32::MAX);
    (is_each_once && is_exact && is_ours && is_small).then_some(claims)
}
