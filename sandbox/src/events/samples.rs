//! Which samples there are: each a variation of the seed's token request, and the answer that the
//! protocol gives it.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

use super::{
    draft::{Draft, fixed_uuid, token_request},
    json::{Json, object},
    manifest::Sample,
    send::{renewal_of, token_of},
};
use crate::development::{self, DevelopmentError, ResourceServer};
use peers::{
    credentials::{Credentials, Jwk},
    partner::{INVALIDATE_PATH, LEGACY_TOKEN_PATH},
    resource_server::INTROSPECT_PATH,
    sdk::{KeyError, KeyPair, RENEW_PATH},
};

/// A sample and its event.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it shows and what it is answered.
    pub sample: Sample,
    /// The event, as in its file.
    pub event: String,
}

/// Why the samples cannot be made. The development files are compiled in, so a build that works
/// once works always.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A partner's credentials.
    #[error(transparent)]
    Credentials(#[from] DevelopmentError),
    /// A partner has fewer payload keys than the samples use.
    #[error("events/secrets: {0} needs more payload keys")]
    TooFewKeys(String),
    /// The SDK's key.
    #[error("events/secrets/sdk-key.json is not usable")]
    SdkKey(#[from] KeyError),
    /// A sample that is not JSON.
    #[error("a sample cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// All samples, in the order in which a newcomer would look at them.
///
/// # Errors
/// The development files were broken when this program was built.
pub fn catalogue() -> Result<Vec<Entry>, CatalogueError> {
    let cast = Cast::assemble()?;
    let mut drafts = cast.tokens();
    drafts.extend(cast.repetitions());
    drafts.extend(cast.life_of_a_session());
    drafts.extend(cast.refused_at_the_door());
    drafts.extend(cast.refused_unopened());
    drafts.extend(cast.refused_opened());
    drafts.into_iter().map(Draft::finish).collect()
}

/// Who takes part in the samples.
struct Cast {
    acme: Credentials,
    globex: Credentials,
    initech: Credentials,
    newest_key: Jwk,
    older_key: Jwk,
    globex_key: Jwk,
    sdk: KeyPair,
    wallet: ResourceServer,
}

impl Cast {
    fn assemble() -> Result<Self, CatalogueError> {
        let (acme, globex) = (development::acme()?, development::globex()?);
        let key = |partner: &Credentials, index: usize| {
            let missing = || CatalogueError::TooFewKeys(partner.partner_id.clone());
            partner.payload_keys.get(index).cloned().ok_or_else(missing)
        };
        Ok(Self {
            newest_key: key(&acme, 0)?,
            older_key: key(&acme, 1)?,
            globex_key: key(&globex, 0)?,
            acme,
            globex,
            initech: development::initech()?,
            sdk: development::sdk_key_pair()?,
            wallet: development::wallet()?,
        })
    }

    /// Requests that get a token.
    fn tokens(&self) -> Vec<Draft> {
        let globex_request = token_request(
            fixed_uuid("referenceId", "get-token-another-partner"),
            &self.globex,
            &self.sdk.public_key(),
        );
        vec![
            self.draft(
                "get-token",
                "A token: `POST` through a REST API, the key named by `kid`",
            ),
            self.draft(
                "get-token-by-get",
                "`GET` with a body, as the first guide had it",
            )
            .method("GET"),
            self.draft(
                "get-token-legacy-path",
                "The first version's path: `resCode` is a number",
            )
            .path(LEGACY_TOKEN_PATH)
            .answered(200, 100),
            self.draft("get-token-http-api", "An HTTP API's event (payload 2.0)")
                .over_http_api("$default"),
            self.draft(
                "get-token-http-api-stage",
                "An HTTP API with a stage, which is then part of `rawPath` but not of the path",
            )
            .over_http_api("prod"),
            self.draft(
                "get-token-without-kid",
                "No `kid`: each of the partner's keys is tried",
            )
            .without_kid(),
            self.draft_of(
                "get-token-older-key",
                "The partner's older key, which still opens during a rotation",
                &self.older_key,
                |request| request,
            ),
            self.draft(
                "get-token-base64",
                "A binary body: API Gateway hands it over in base64",
            )
            .content_type("application/jose")
            .in_base64(),
            self.draft(
                "get-token-quoted",
                "The JWE as a JSON string, in double quotes",
            )
            .content_type("application/json; charset=utf-8")
            .wrap(|jwe| format!("\"{jwe}\"")),
            self.draft_of(
                "get-token-minimal",
                "Required members only",
                &self.newest_key,
                |request| {
                    ["name", "email", "isdCode", "mobileNumber", "dob", "data"]
                        .into_iter()
                        .fold(request, Json::without)
                },
            ),
            Draft::new(
                "get-token-another-partner",
                "Another partner, with its own API key and payload key",
                &self.globex,
                &self.globex_key,
                &globex_request,
            ),
        ]
    }

    /// Requests whose `referenceId` has been seen before.
    fn repetitions(&self) -> Vec<Draft> {
        let padded_sdk_key = STANDARD.encode(self.sdk.public_jwk());
        let in_other_words = object([
            ("dob", "07081991".into()),
            (
                "data",
                json!({"keyn": "valuen", "key2": "value2", "key1": "value1"}).into(),
            ),
            ("mobileNumber", "+9642308308".into()),
            ("isdCode", "+91".into()),
            ("accountNumber", "123123123".into()),
            ("email", "OperationalSupport@wibmo.com".into()),
            ("name", "David beckham".into()),
            ("middleName", "unknown to the service".into()),
            ("sdkApiKey", self.acme.sdk_api_key.clone().into()),
            ("sdkPublicKey", padded_sdk_key.into()),
        ]);
        vec![
            self.draft_of(
                "replay",
                "The same request once more: the same token, and `Idempotent-Replayed: true`",
                &self.newest_key,
                of_get_token,
            )
            .after("get-token")
            .replayed(),
            self.draft_of(
                "replay-in-other-words",
                "The same request in other spellings, on another path, with another key: still the same token",
                &self.older_key,
                |_| of_get_token(in_other_words),
            )
            .path(LEGACY_TOKEN_PATH)
            .after("get-token")
            .answered(200, 100)
            .replayed(),
            self.draft_of(
                "conflict",
                "The same `referenceId` for another account: refused",
                &self.newest_key,
                |request| of_get_token(request).with("accountNumber", 321_321_321),
            )
            .after("get-token")
            .answered(409, "TOK409")
            .failing_for("referenceId", "reused"),
        ]
    }

    /// What becomes of a session after its first token.
    fn life_of_a_session(&self) -> Vec<Draft> {
        let invalidation = |name: &str, shows: &str, of: &str| {
            let reference_id = fixed_uuid("referenceId", of).to_string();
            let request = object([("tokenReferenceId", reference_id.into())]);
            self.draft_of(name, shows, &self.newest_key, |_| request)
                .path(INVALIDATE_PATH)
        };
        vec![
            self.renewal(
                "renew",
                "The SDK renews its token: another token of the same session",
                "get-token",
            ),
            self.renewal(
                "renew-replayed",
                "The same renewal once more: the same new token, and `Idempotent-Replayed: true`",
                "get-token",
            )
            .after("renew")
            .replayed(),
            self.renewal("renew-again", "The new token is renewed in turn", "renew"),
            self.renewal(
                "renew-superseded",
                "A token that was renewed, and whose successor was too: refused",
                "get-token",
            )
            .after("renew")
            .after("renew-again")
            .answered(401, "TOK401")
            .failing_for("token", "superseded"),
            invalidation(
                "invalidate",
                "The partner ends the session: the customer has logged out",
                "get-token",
            )
            .after("get-token")
            .answered_without_token(),
            invalidation(
                "invalidate-unknown",
                "A session that there is not",
                "invalidate-unknown",
            )
            .answered(404, "TOK404")
            .failing_for("tokenReferenceId", "unknown"),
            self.renewal(
                "renew-revoked",
                "A session that was ended: its token is not renewed",
                "get-token",
            )
            .after("invalidate")
            .answered(401, "TOK401")
            .failing_for("token", "revoked"),
            self.draft_of(
                "conflict-revoked",
                "The request for the first token of a session that was ended: refused",
                &self.newest_key,
                of_get_token,
            )
            .after("get-token")
            .after("invalidate")
            .answered(409, "TOK409")
            .failing_for("referenceId", "revoked"),
            self.introspection(
                "introspect",
                "A resource server asks whether a token is good: it is, and these are its claims",
            )
            .answered_active(true),
            self.introspection(
                "introspect-inactive",
                "The same after the session was ended: the answer does not say why",
            )
            .after("invalidate")
            .answered_active(false),
            self.renewal(
                "error-account-number",
                "A renewal whose `X-ACCOUNT-NUMBER` is not the token's `sub`",
                "get-token",
            )
            .header("X-ACCOUNT-NUMBER", "321321321")
            .answered(400, "TOK400")
            .failing(["X-ACCOUNT-NUMBER"]),
            self.renewal(
                "error-api-token",
                "A renewal of what is no token",
                "get-token",
            )
            .header("X-API-TOKEN", "no token")
            .answered_plainly(401, "TOK401"),
        ]
    }

    /// Requests that are refused before anybody looks at the body.
    fn refused_at_the_door(&self) -> Vec<Draft> {
        vec![
            self.draft("error-path", "A path that there is not")
                .path("/token-service/client/server/new/v3/token")
                .answered_plainly(404, "TOK404"),
            self.draft(
                "error-method",
                "Neither `POST` nor `GET`; `Allow` names them",
            )
            .method("DELETE")
            .answered_plainly(405, "TOK405"),
            self.draft_of(
                "error-too-large",
                "A body of more than 32 KiB",
                &self.newest_key,
                |request| request.with("note", "too much ".repeat(2_800)),
            )
            .answered_plainly(413, "TOK413"),
            self.draft("error-content-type", "A content type that is not accepted")
                .content_type("application/xml")
                .answered_plainly(415, "TOK415"),
            self.draft("error-api-key-missing", "No `X-API-KEY`")
                .api_key(None)
                .answered_plainly(401, "TOK002"),
            self.draft("error-api-key-unknown", "An `X-API-KEY` that is nobody's")
                .api_key(Some("MOB-APP-9999"))
                .answered_plainly(401, "TOK002"),
            self.draft(
                "error-partner-disabled",
                "The `X-API-KEY` of a disabled partner",
            )
            .api_key(Some(&self.initech.api_key))
            .answered_plainly(401, "TOK002"),
            self.draft(
                "error-legacy-path",
                "An error on the first version's path: its code's digits as a number",
            )
            .path(LEGACY_TOKEN_PATH)
            .api_key(None)
            .answered_plainly(401, 2),
        ]
    }

    /// Requests whose body no key opens. Their answers are all alike, but for the first.
    fn refused_unopened(&self) -> Vec<Draft> {
        vec![
            self.draft(
                "error-not-encrypted",
                "Plain JSON: the answer says that it must be encrypted",
            )
            .content_type("application/json")
            .wrap(|_| r#"{"referenceId":"not-encrypted"}"#.to_owned()),
            self.draft("error-tampered", "One character of the ciphertext changed")
                .wrap(change_ciphertext),
            self.draft_of(
                "error-another-partners-key",
                "Sealed with a key that is not the partner's, without `kid`",
                &self.globex_key,
                |request| request,
            )
            .without_kid(),
            self.draft_of(
                "error-unknown-kid",
                "A `kid` that is none of the partner's",
                &self.globex_key,
                |request| request,
            ),
            self.draft(
                "error-header",
                "A JWE header with `crit`, which is not supported",
            )
            .wrap(add_crit),
            self.draft("error-truncated", "A JWE that lost its tag")
                .wrap(|jwe| {
                    jwe.rsplit_once('.')
                        .map_or(String::new(), |(rest, _)| rest.to_owned())
                }),
            self.draft("error-base64", "Flagged base64, but it is not")
                .content_type("application/jose")
                .wrap(|jwe| format!("*{jwe}"))
                .flagged_base64(),
        ]
        .into_iter()
        .map(|draft| draft.answered_plainly(400, "TOK422"))
        .collect()
    }

    /// Requests that were opened, so that their answers are sealed too.
    fn refused_opened(&self) -> Vec<Draft> {
        vec![
            self.draft("error-not-json", "Sealed, but not JSON")
                .plaintext("referenceId=1&accountNumber=123123123")
                .answered(400, "TOK400"),
            self.draft(
                "error-repeated-member",
                "A member twice: which one would count?",
            )
            .plaintext(r#"{"accountNumber":1,"accountNumber":2}"#)
            .answered(400, "TOK400")
            .failing(["accountNumber"]),
            self.draft_of(
                "error-members",
                "Members that fail: all of them are named at once",
                &self.newest_key,
                |request| {
                    request
                        .without("sdkPublicKey")
                        .with("email", "not an address")
                        .with("accountNumber", "12-34")
                        .with("isdCode", 12_345)
                        .with("mobileNumber", "123")
                        .with("dob", 19_910_230)
                        .with("data", json!({"key1": 1}))
                },
            )
            .answered(400, "TOK400")
            .failing([
                "sdkPublicKey",
                "email",
                "accountNumber",
                "isdCode",
                "mobileNumber",
                "dob",
                "data",
            ]),
            self.draft_of(
                "error-sdk-api-key",
                "All members are valid, but `sdkApiKey` is another partner's",
                &self.newest_key,
                |request| request.with("sdkApiKey", self.globex.sdk_api_key.clone()),
            )
            .answered(401, "TOK004"),
        ]
    }

    /// The SDK's renewal of the token in the answer to a sample.
    fn renewal(&self, name: &str, shows: &str, of: &str) -> Draft {
        let draft = self
            .draft(name, shows)
            .path(RENEW_PATH)
            .api_key(Some(&self.acme.sdk_api_key))
            .user_agent("acme-app/1.0")
            .header("X-ACCOUNT-NUMBER", "123123123")
            .header("X-API-TOKEN", token_of(of))
            .body(renewal_of(of))
            .after("get-token");
        match of {
            "get-token" => draft,
            renewed => draft.after(renewed),
        }
    }

    /// The resource server's question about the token in the answer to `get-token`.
    fn introspection(&self, name: &str, shows: &str) -> Draft {
        let credentials = format!("{}:{}", self.wallet.resource_server_id, self.wallet.secret);
        self.draft(name, shows)
            .path(INTROSPECT_PATH)
            .api_key(None)
            .user_agent("wallet/1.0")
            .header(
                "Authorization",
                format!("Basic {}", STANDARD.encode(credentials)),
            )
            .content_type("application/x-www-form-urlencoded")
            .body(format!("token={}", token_of("get-token")))
            .after("get-token")
    }

    /// The seed's request by acme, with its newest key.
    fn draft(&self, name: &str, shows: &str) -> Draft {
        self.draft_of(name, shows, &self.newest_key, |request| request)
    }

    /// A variation of the seed's request by acme, sealed with `key`.
    fn draft_of(
        &self,
        name: &str,
        shows: &str,
        key: &Jwk,
        vary: impl FnOnce(Json) -> Json,
    ) -> Draft {
        let reference_id = fixed_uuid("referenceId", name);
        let request = token_request(reference_id, &self.acme, &self.sdk.public_key());
        Draft::new(name, shows, &self.acme, key, &vary(request))
    }
}

/// The request with the `referenceId` of the sample `get-token`.
fn of_get_token(request: Json) -> Json {
    let reference_id = fixed_uuid("referenceId", "get-token");
    request.with("referenceId", reference_id.to_string())
}

/// Another first character of the ciphertext: still base64url, but the tag no longer fits.
fn change_ciphertext(jwe: String) -> String {
    let mut segments: Vec<String> = jwe.split('.').map(str::to_owned).collect();
    if let Some(ciphertext) = segments.get_mut(3) {
        let other = if ciphertext.starts_with('A') {
            "B"
        } else {
            "A"
        };
        ciphertext.replace_range(..1, other);
    }
    segments.join(".")
}

fn add_crit(jwe: String) -> String {
    let header = r#"{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":0}"#;
    let rest = jwe.split_once('.').map_or("", |(_, rest)| rest);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}
