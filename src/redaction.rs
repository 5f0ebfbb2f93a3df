//! `Debug` of no type shows a secret: each one that holds any is formatted with known secrets in it.
//!
//! A type that is new is not known here, which fails [`every_type_with_debug_is_judged`].

use std::{collections::BTreeSet, fmt::Debug, fs, path::Path, sync::Arc, time::Duration};

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
    token::{self, Lifetime, TokenIdentity},
    vectors::hex,
};

/// Formatted below, or beside its code where only that can make one.
const HOLD_SECRETS: [&str; 19] = [
    "Contents",
    "Customer",
    "CustomerJson",
    "StoredRecord",
    "IssueRequest",
    "Issued",
    "KeyDigest",
    "Minted",
    "Partner",
    "Partners",
    "RecordKey",
    "ReplyKey",
    "KeyRing",
    "SealingKey",
    "ServerKeys",
    "Session",
    "SessionKey",
    "Snapshot",
    "Token",
];

/// In what they hold there is a secret only if it is one of the above.
const HOLD_OTHERS: [&str; 5] = ["Failure", "Refusal", "Reply", "Verdict", "PutOutcome"];

/// Hold names of members, which may be the sender's own, and no values. Only `Display` is logged, and of a request's
/// fault that shows no name.
const HOLD_NAMES: [&str; 6] = [
    "DocumentFault",
    "DocumentFaults",
    "IssueError",
    "JsonFault",
    "RequestFault",
    "VersionError",
];

const HOLD_NONE: [&str; 42] = [
    "RefreshPolicy",
    "AgreementError",
    "AttemptCount",
    "TokenIdentity",
    "Clock",
    "CodeForm",
    "CompactFault",
    "Config",
    "ConfigError",
    "Conflict",
    "Deadline",
    "Environment",
    "AwsError",
    "FetchError",
    "FormFault",
    "UnreadableSuccess",
    "HeaderFault",
    "HealthCheck",
    "KeyId",
    "Kind",
    "Lifetime",
    "CallBudget",
    "MemberFault",
    "PartitionKey",
    "PartnerId",
    "Problem",
    "PublicKey",
    "PublicKeyFault",
    "Records",
    "ReferenceId",
    "ResCode",
    "Stage",
    "TokenId",
    "TrustError",
    "HttpError",
    "AuthError",
    "RecordError",
    "UnixMillis",
    "OpenError",
    "SecretUnavailable",
    "WriteCost",
    "WriteError",
];

/// Every type in `src/` with a `Debug`, derived or written.
fn types_with_debug(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            types_with_debug(&path, found);
            continue;
        }
        if path.ends_with("redaction.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut derived = false;
        for line in text.lines().map(str::trim_start) {
            if let Some((_, of)) = line.split_once("fmt::Debug for ") {
                let name = of.split(['<', ' ']).next();
                found.extend(name.map(str::to_owned));
            }
            derived |= line.starts_with("#[derive(") && line.contains("Debug");
            let words: Vec<&str> = line.split_whitespace().collect();
            let keyword = words
                .iter()
                .position(|word| ["struct", "enum"].contains(word));
            if let (true, Some(at)) = (derived, keyword) {
                let name = words[at + 1].split(['<', '(', ';', '{']).next();
                found.extend(name.map(str::to_owned));
                derived = false;
            }
        }
    }
}

#[test]
fn every_type_with_debug_is_judged() {
    let mut found = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    types_with_debug(&folder, &mut found);
    let judged: BTreeSet<String> = [&HOLD_SECRETS[..], &HOLD_OTHERS, &HOLD_NAMES, &HOLD_NONE]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        found, judged,
        "name each type in the list that is true of it, and format those that hold secrets"
    );
}

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
        partners: Arc::new(secrets::partners(&partners.to_string()).unwrap()),
        server_keys: Arc::new(secrets::server_keys(&server_keys.to_string()).unwrap()),
    };
    let partner = snapshot
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
    let lifetime = Lifetime::starting(now, Duration::from_secs(60));
    let token_key = snapshot.server_keys.token.sealer();
    let minted = token::mint(token_key, &audience, partner, &request, lifetime, &rng).unwrap();
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
    assert_eq!(format!("{digest:?}"), "KeyDigest(redacted)");
    assert_eq!(format!("{:?}", request.customer), "Customer(redacted)");
    assert_eq!(format!("{:?}", request.session.key), "SessionKey(redacted)");
    assert_eq!(format!("{:?}", minted.token), "Token(redacted)");
    assert_eq!(format!("{reply_key:?}"), "SealingKey(p)");
    assert_eq!(
        format!("{:?}", snapshot.server_keys.record.sealer()),
        "RecordKey(r)"
    );
    let issued = Issued {
        token: minted.token,
        server_public_key: request.session.server_public_key.clone(),
        expires_at: now,
    };
    shows_none(&secrets, &issued);
}
