//! One partner with one session: its server, its SDK, and a resource server.

use std::{pin::Pin, sync::Arc};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use in_process_aws::Aws;
use model::session::{Kind, Payload};
use peers::{jwe, resource_server};
use ring::digest;
use serde_json::{Value, json};
use token_service::{
    clock::{Clock, UnixMillis},
    deadline::Deadline,
    operations::{
        Call, IntrospectCall, Introspection, OperationError, Operations, Outcome, RenewCall,
        RequestLog, Success,
    },
    record::{Conflict, Ended},
    token::Ttls,
};

const API_KEY: &str = "api-key";
const SDK_API_KEY: &str = "sdk-api-key";
const PAYLOAD_KEY: [u8; 32] = [1; 32];
const ACCOUNT_NUMBER: &str = "123123123";
const REFERENCE: &str = "ref-1";

/// The service, as its callers see it.
#[derive(Clone)]
pub(crate) struct Service(Arc<Operations>);

/// What the service answers.
#[derive(Debug)]
pub(crate) struct Answered {
    /// What it took the case for.
    pub(crate) kind: Kind,
    /// The token that it handed out.
    pub(crate) token: Option<String>,
    /// What that token says, or the introspection of another one.
    pub(crate) claims: Option<Value>,
}

/// An answer that is on its way.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Answered>>>;

impl Service {
    /// On this AWS, with these lifetimes.
    pub(crate) async fn of(aws: &Aws, clock: Clock, ttls: Ttls) -> Self {
        Self(Arc::new(aws.operations_with(clock, ttls).await))
    }

    /// Get Token, always with the same `referenceId`.
    pub(crate) fn issue(&self, payload: Payload) -> Answering {
        // The example key of RFC 7517 appendix A.1.
        let jwk = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
        let body = json!({
            "referenceId": REFERENCE,
            "sdkPublicKey": BASE64_URL_SAFE_NO_PAD.encode(jwk),
            "sdkApiKey": SDK_API_KEY,
            "accountNumber": ACCOUNT_NUMBER,
            "name": match payload {
                Payload::Same => "David",
                Payload::Other => "Victoria",
            },
        });
        let body = jwe::seal(body.to_string().as_bytes(), &PAYLOAD_KEY, None);
        let Self(operations) = self.clone();
        Box::pin(async move {
            let call = call(API_KEY, &body);
            let issued = operations.issue(&call, &mut RequestLog::default()).await;
            answered(issued.map_err(|refusal| refusal.error))
        })
    }

    /// Renew.
    pub(crate) fn renew(&self, token: &str) -> Answering {
        let token = token.to_owned();
        let session_key = resource_server::session_key(&claims_of(&token)).unwrap();
        let body = json!({ "token": token });
        let body = jwe::seal(body.to_string().as_bytes(), &session_key, None);
        let Self(operations) = self.clone();
        Box::pin(async move {
            let call = RenewCall {
                call: call(SDK_API_KEY, &body),
                api_token: Some(&token),
                account_number: Some(ACCOUNT_NUMBER),
            };
            let renewed = operations.renew(&call, &mut RequestLog::default()).await;
            answered(renewed.map_err(|refusal| refusal.error))
        })
    }

    /// Invalidate.
    pub(crate) fn invalidate(&self) -> Answering {
        let body = json!({ "tokenReferenceId": REFERENCE });
        let body = jwe::seal(body.to_string().as_bytes(), &PAYLOAD_KEY, None);
        let Self(operations) = self.clone();
        Box::pin(async move {
            let call = call(API_KEY, &body);
            let ended = operations
                .invalidate(&call, &mut RequestLog::default())
                .await;
            answered(ended.map_err(|refusal| refusal.error))
        })
    }

    /// Introspect.
    pub(crate) fn introspect(&self, token: &str) -> Answering {
        let body = format!("token={token}");
        let Self(operations) = self.clone();
        Box::pin(async move {
            let credentials = format!("Basic {}", BASE64_STANDARD.encode("wallet:secret"));
            let call = IntrospectCall {
                authorization: Some(&credentials),
                body: Some(body.as_bytes()),
                deadline: no_deadline(),
            };
            let told = operations
                .introspect(&call, &mut RequestLog::default())
                .await;
            let (kind, claims) = match told {
                Ok(Introspection::Active(json)) => (Kind::Active, Some(json)),
                Ok(Introspection::Inactive) => (Kind::Inactive, None),
                Err(_) => (Kind::Failed, None),
            };
            let claims = claims.map(|json| serde_json::from_slice(&json).unwrap());
            Answered {
                kind,
                token: None,
                claims,
            }
        })
    }
}

fn call<'a>(api_key: &'a str, body: &'a str) -> Call<'a> {
    Call {
        api_key: Some(api_key),
        body: Some(body.as_bytes()),
        deadline: no_deadline(),
    }
}

/// One that can't be true: each call has its own limit, and no more.
fn no_deadline() -> Deadline {
    let now = UnixMillis::new(0);
    Deadline::of_invocation(now, now)
}

fn answered(answer: Result<Success, OperationError>) -> Answered {
    let kind = match &answer {
        Ok(Success {
            outcome: Outcome::Invalidated,
            ..
        }) => Kind::Invalidated,
        Ok(success) if success.replayed => Kind::Replay,
        Ok(_) => Kind::First,
        Err(OperationError::Conflict(Conflict::Reused)) => Kind::Reused,
        Err(
            OperationError::Conflict(Conflict::Expired) | OperationError::Ended(Ended::Expired),
        ) => Kind::Expired,
        Err(
            OperationError::Conflict(Conflict::Revoked) | OperationError::Ended(Ended::Revoked),
        ) => Kind::Revoked,
        Err(OperationError::Ended(Ended::Superseded)) => Kind::Superseded,
        Err(OperationError::UnknownSession) => Kind::Unknown,
        Err(_) => Kind::Failed,
    };
    let token = answer.ok().and_then(|success| match success.outcome {
        Outcome::Issued(issued) => Some(issued.token.compact().to_owned()),
        Outcome::Renewed(renewed) => Some(renewed.token.compact().to_owned()),
        Outcome::Invalidated => None,
    });
    Answered {
        kind,
        claims: token.as_deref().map(claims_of),
        token,
    }
}

fn claims_of(token: &str) -> Value {
    resource_server::open_token(token, &server_keys()).unwrap()
}

/// An AWS with the partner's secret and the service's.
pub(crate) fn aws() -> Aws {
    let api_keys = json!({
        "partners": [{
            "partnerId": "acme",
            "programId": 2001,
            "apiKeySha256": [sha256(API_KEY)],
            "sdkApiKeySha256": [sha256(SDK_API_KEY)],
            "payloadKeys": {"keys": [jwk("p1", PAYLOAD_KEY)]},
        }],
        "resourceServers": [{"resourceServerId": "wallet", "secretSha256": [sha256("secret")]}],
    });
    Aws::new(&api_keys.to_string(), &server_keys().to_string())
}

fn server_keys() -> Value {
    let ring = |kid: &str, byte| json!({"keys": [jwk(kid, [byte; 32])]});
    json!({"token": ring("t1", 2), "record": ring("r1", 3)})
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
