//! The types that hold secrets are formatted with known secrets in them.

use std::{fmt::Debug, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use serde_json::json;

use crate::{
    clock::UnixMillis,
    jwe::ReplyKey,
    partner::KeyDigest,
    record::Issued,
    request::{RequestFault, RequestFields},
    secrets::{self, Snapshot},
    token::{self, Grant, Lifetime, TokenIdentity, Ttls},
    vectors::hex,
};

/// Fails if `value` shows one of `secrets`, in the forms that a `Debug` or a slip may show it in.
pub(crate) fn shows_none(secrets: &[&[u8]], value: &dyn Debug) {
    let compact = format!("{value:?}");
    let shown = format!("{compact} {value:#?}").replace(['\n', ' '], "");
    for secret in secrets {
        let decimal: Vec<String> = secret.iter().map(u8::to_string).collect();
        for form in [
            String::from_utf8_lossy(secret).replace(' ', ""),
            secret.escape_ascii().to_string().replace(' ', ""),
            hex(secret),
            hex(secret).to_uppercase(),
            BASE64_STANDARD_NO_PAD.encode(secret),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
            decimal.join(","),
        ] {
            assert!(!shown.contains(&form), "{form} is in {compact}");
        }
    }
}

#[test]
fn the_search_sees_what_a_derived_debug_shows() {
    #[derive(Debug)]
    struct Careless(#[expect(dead_code, reason = "Debug reads it")] [u8; 4]);
    let seen = std::panic::catch_unwind(|| shows_none(&[&[7, 8, 9, 10]], &Careless([7, 8, 9, 10])));
    assert!(seen.is_err());
}

#[test]
fn no_debug_shows_a_secret() {
    let keys: [[u8; 32]; 3] = [[0xa1; 32], [0xb2; 32], [0xc3; 32]];
    let jwks = |kid: &str, key: &[u8]| json!({"keys": [{"kty": "oct", "kid": kid, "k": BASE64_URL_SAFE_NO_PAD.encode(key)}]});
    let digest = KeyDigest::of("api key canary");
    let partners = json!({"partners": [{
        "partnerId": "acme", "programId": 1, "payloadKeys": jwks("p", &keys[0]),
        "apiKeySha256": [hex(digest.as_bytes())], "sdkApiKeySha256": [hex(digest.as_bytes())],
    }]});
    let server_keys = json!({"token": jwks("t", &keys[1]), "record": jwks("r", &keys[2])});
    let snapshot = Snapshot {
        api_keys: Arc::new(secrets::api_keys(&partners.to_string()).unwrap()),
        server_keys: Arc::new(secrets::server_keys(&server_keys.to_string()).unwrap()),
    };
    let partner = snapshot
        .api_keys
        .partners
        .authenticate(Some("api key canary"))
        .unwrap();

    let customer = [
        "7350918264095173846",
        "First Canary",
        "canary@example.com",
        "data canary",
    ];
    // The example key of RFC 7517 appendix A.1.
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
    let plaintext = |email: &str| {
        json!({
            "referenceId": "r", "sdkPublicKey": BASE64_URL_SAFE_NO_PAD.encode(jwk),
            "sdkApiKey": "api key canary", "accountNumber": customer[0], "firstName": customer[1],
            "email": email, "data": {customer[3]: customer[3]},
        })
        .to_string()
    };
    let (rng, now) = (SystemRandom::new(), UnixMillis::new(1_795_000_000_000));
    let parse =
        |text: &str| RequestFields::parse(text.as_bytes(), now.date().unwrap())?.agree(&rng);
    let request = parse(&plaintext(customer[2])).unwrap();
    let fault: RequestFault = parse(&plaintext("canary@example.com no more")).unwrap_err();
    let audience = TokenIdentity {
        issuer: "i".to_owned(),
        audience: "a".to_owned(),
    };
    let minute = Duration::from_secs(60);
    let ttls = Ttls {
        token: minute,
        session: minute,
    };
    let lifetime = Lifetime::first(now, ttls);
    let grant = Grant {
        account_number: &request.customer.account_number,
        partner: &partner.id,
        program_id: partner.program_id,
        reference_id: &request.reference_id,
        session_key: &request.session.key,
    };
    let token_key = snapshot.server_keys.token.sealer();
    let minted = token::mint(token_key, &audience, grant, lifetime, &rng).unwrap();
    let token = minted.token.compact().to_owned();
    let ciphertext = minted.token.sealed().ciphertext_and_tag().to_vec();

    let mut secrets: Vec<&[u8]> = keys.iter().map(|key| key.as_slice()).collect();
    secrets.extend([
        digest.as_bytes().as_slice(),
        b"api key canary",
        token.as_bytes(),
        &ciphertext,
    ]);
    secrets.push(request.session.key.expose());
    secrets.extend(customer.iter().map(|member| member.as_bytes()));
    let reply_key = ReplyKey::named(partner.payload_keys.sealer());
    let shown: [&dyn Debug; 9] = [
        &snapshot,
        &partner,
        &digest,
        &request,
        &request.session,
        &minted,
        &reply_key,
        &fault,
        &request.customer,
    ];
    for value in shown {
        shows_none(&secrets, value);
    }
    let issued = Issued {
        token: minted.token,
        server_public_key: request.session.server_public_key.clone(),
        expires_at: now,
    };
    shows_none(&secrets, &issued);
}
