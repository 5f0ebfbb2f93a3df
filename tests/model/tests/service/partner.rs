//! One partner: its secrets and its requests.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use in_process_aws::Aws;
use ring::{digest, rand::SystemRandom};
use serde_json::{Value, json};
use token_service::redacted::Redacted;
use token_service::{
    clock::{Clock, UnixMillis},
    deadline::Deadline,
    jwe::{self, Header},
    keys::{KeyId, SealingKey},
    operations::{Call, OperationError, Operations, RequestLog, Success},
};

/// What the service's clock shows.
pub(crate) const NOW_MILLIS: i64 = 1_795_000_000_000;

const API_KEY: &str = "api-key";
const SDK_API_KEY: &str = "sdk-api-key";
const PAYLOAD_KEY: [u8; 32] = [1; 32];

/// The service, as the partner calls it.
pub(crate) struct Caller(Operations);

impl Caller {
    /// Calls the service on this AWS.
    pub(crate) async fn of(aws: &Aws) -> Self {
        let clock = Clock::from_fn(|| UnixMillis::new(NOW_MILLIS));
        Self(aws.operations(clock).await)
    }

    /// Asks for a token, always with the same `referenceId`, for a customer of this name.
    pub(crate) async fn ask(&self, name: &str) -> Result<Success, OperationError> {
        // The example key of RFC 7517 appendix A.1.
        let jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
        let plaintext = json!({
            "referenceId": "ref-1",
            "sdkPublicKey": BASE64_URL_SAFE_NO_PAD.encode(jwk),
            "sdkApiKey": SDK_API_KEY,
            "accountNumber": "123123123",
            "name": name,
        });
        let key = KeyId::new("p1").unwrap();
        let key = SealingKey::new(key, &PAYLOAD_KEY).unwrap();
        let header = Header {
            kid: None,
            typ: None,
        };
        let plaintext = Redacted::new(plaintext.to_string().into_bytes());
        let sealed = jwe::seal(&key, header, plaintext, &SystemRandom::new()).unwrap();
        let body = sealed.compact();
        let now = UnixMillis::new(NOW_MILLIS);
        let call = Call {
            api_key: Some(API_KEY),
            body: Some(body.as_bytes()),
            // One that can't be true: each call has its own limit, and no more.
            deadline: Deadline::of_invocation(now, now),
        };
        let issued = self.0.issue(&call, &mut RequestLog::default()).await;
        issued.map_err(|refusal| refusal.error)
    }
}

/// An AWS with the partner's secret and the service's.
pub(crate) fn aws() -> Aws {
    let ring = |kid: &str, byte| json!({"keys": [jwk(kid, [byte; 32])]});
    let server_keys = json!({"token": ring("t1", 2), "record": ring("r1", 3)});
    let api_keys = json!({"partners": [{
        "partnerId": "acme",
        "programId": 2001,
        "apiKeySha256": [sha256(API_KEY)],
        "sdkApiKeySha256": [sha256(SDK_API_KEY)],
        "payloadKeys": {"keys": [jwk("p1", PAYLOAD_KEY)]},
    }]});
    Aws::new(&api_keys.to_string(), &server_keys.to_string())
}

fn jwk(kid: &str, key: [u8; 32]) -> Value {
    json!({"kty": "oct", "kid": kid, "k": BASE64_URL_SAFE_NO_PAD.encode(key)})
}

fn sha256(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
