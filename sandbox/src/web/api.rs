//! What the page asks of the sandbox: `/sandbox/api/...`, JSON in and out.
//!
//! | | |
//! |---|---|
//! | `GET partners` | the development partners with their keys, a resource server with its secret and the token ring, and the paths |
//! | `GET requests` | the outages in force and the last requests, the newest first |
//! | `GET item?partner=&reference=` | the stored item of an issue, and its size |
//! | `POST outage` | `{"service":"dynamodb"|"secrets-manager","outage":"down"|"throttling"|"stalling"|null}` |
//! | `POST lost-answer` | `{}`: DynamoDB does its next request and loses the answer |
//! | `POST cold-start` | `{}`: the next request meets a new instance of the function |

use bytes::Bytes;
use http::{Method, Response, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use peers::{
    credentials::Credentials,
    partner::{INVALIDATE_PATH, LEGACY_TOKEN_PATH, TOKEN_PATH},
    resource_server::INTROSPECT_PATH,
    sdk::RENEW_PATH,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Refusal, WebPage, guard, json_answer, outage::Outage};
use crate::{
    Fault, development, dynamodb,
    item_size::{WRITE_UNIT_BYTES, item_size},
    journal::{Entry, EventIn},
};

const MAX_BODY_BYTES: usize = 4 * 1024;

/// A service and its outage from now on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetOutage {
    service: AwsService,
    outage: Option<Outage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AwsService {
    Dynamodb,
    SecretsManager,
}

/// Nothing has to be said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl WebPage {
    pub(super) async fn call(
        &self,
        endpoint: &str,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<Bytes>, Refusal> {
        let answer = match endpoint {
            "partners" | "requests" | "item" => {
                if !guard::reads(&parts.method) {
                    return Err(Refusal::Method("GET, HEAD"));
                }
                match endpoint {
                    "partners" => partners()?,
                    "requests" => self.requests()?,
                    _ => self.item(parts.uri.query().unwrap_or_default())?,
                }
            }
            "outage" | "lost-answer" | "cold-start" => {
                if parts.method != Method::POST {
                    return Err(Refusal::Method("POST"));
                }
                guard::check_change(parts)?;
                self.change(endpoint, body).await?;
                self.outages()
            }
            _ => return Err(Refusal::NothingHere),
        };
        Ok(json_answer(&answer))
    }

    async fn change(&self, endpoint: &str, body: Incoming) -> Result<(), Refusal> {
        match endpoint {
            "outage" => {
                let SetOutage { service, outage } = read(body).await?;
                let faults = match service {
                    AwsService::Dynamodb => &self.dynamodb_faults,
                    AwsService::SecretsManager => &self.secrets_faults,
                };
                Outage::set(outage, faults);
            }
            "lost-answer" => {
                let Nothing {} = read(body).await?;
                self.dynamodb_faults.push(Fault::ResetAfter);
            }
            _ => {
                let Nothing {} = read(body).await?;
                self.function.end_idle().await;
            }
        }
        Ok(())
    }

    fn outages(&self) -> Value {
        json!({
            "dynamodb": Outage::of(&self.dynamodb_faults),
            "secretsManager": Outage::of(&self.secrets_faults),
        })
    }

    fn requests(&self) -> Result<Value, Refusal> {
        let partners = development::partners()?;
        let mut requests = Vec::new();
        for mut entry in self.journal.entries() {
            let reference = reference_id(&entry.body, &partners);
            if let (None, Some(reference)) = (entry.item_bytes, &reference) {
                entry.item_bytes = self.item_bytes(&entry, reference)?;
            }
            requests.push(request(&entry, reference));
        }
        Ok(json!({ "outages": self.outages(), "requests": requests }))
    }

    /// The size of the item that the request wrote or met: looked up once, as a later request may
    /// replace it.
    fn item_bytes(&self, entry: &Entry, reference: &str) -> Result<Option<usize>, Refusal> {
        let Some(log) = &entry.log else {
            return Ok(None);
        };
        let partner = log.get("PartnerId").and_then(Value::as_str);
        let status = log.get("status").and_then(Value::as_u64);
        let (Some(partner), Some(200 | 409)) = (partner, status) else {
            return Ok(None);
        };
        let item = dynamodb::item(&self.database, partner, reference)?;
        let bytes = item.as_ref().map(item_size);
        if let Some(bytes) = bytes {
            self.journal.item_is(&entry.request_id, bytes);
        }
        Ok(bytes)
    }

    fn item(&self, query: &str) -> Result<Value, Refusal> {
        let of = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            let value = pairs.find_map(|(known, value)| (known == name).then_some(value));
            value.ok_or_else(|| Refusal::Unreadable(format!("the query must have {name}")))
        };
        let item = dynamodb::item(&self.database, &of("partner")?, &of("reference")?)?;
        Ok(match item {
            None => Value::Null,
            Some(item) => {
                let bytes = item_size(&item);
                let write_units = bytes.div_ceil(WRITE_UNIT_BYTES);
                json!({ "bytes": bytes, "writeUnits": write_units, "item": item })
            }
        })
    }
}

/// Who can be played: every partner as its credentials file says, and a resource server with its
/// secret and the token ring.
fn partners() -> Result<Value, Refusal> {
    let disabled = development::initech()?.partner_id;
    let partners: Vec<Value> = development::partners()?
        .iter()
        .map(|partner| {
            let mut json = partner.to_json();
            if let Some(members) = json.as_object_mut() {
                let enabled = partner.partner_id != disabled;
                members.insert("enabled".to_owned(), enabled.into());
            }
            json
        })
        .collect();
    let mut server_keys = development::server_keys()?;
    let wallet = development::wallet()?;
    Ok(json!({
        "partners": partners,
        "tokenKeys": server_keys.get_mut("token").map(Value::take),
        "resourceServer": { "id": wallet.resource_server_id, "secret": wallet.secret },
        "paths": [TOKEN_PATH, LEGACY_TOKEN_PATH],
        "sessionPaths": { "renew": RENEW_PATH, "invalidate": INVALIDATE_PATH, "introspect": INTROSPECT_PATH },
    }))
}

fn request(entry: &Entry, reference: Option<String>) -> Value {
    let event = |of: fn(&EventIn) -> Value| entry.event.as_ref().map(of);
    let answer = entry.answer.as_ref();
    json!({
        "number": entry.number,
        "requestId": entry.request_id,
        "receivedAt": entry.received_at,
        "method": entry.method,
        "path": entry.path,
        "eventBytes": event(|event| event.bytes.into()),
        "bodyBytes": event(|event| event.body_bytes.into()),
        "isBase64": event(|event| event.is_base64.into()),
        "log": entry.log,
        "remark": entry.remark,
        "status": answer.map(|answer| answer.status),
        "durationMs": answer.map(|answer| answer.after.as_secs_f64() * 1000.0),
        "referenceId": reference,
        "itemBytes": entry.item_bytes,
    })
}

/// The `referenceId` in a request's body, if a development key opens it.
fn reference_id(body: &[u8], partners: &[Credentials]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?.trim();
    let jwe = body
        .strip_prefix('"')
        .and_then(|body| body.strip_suffix('"'))
        .unwrap_or(body);
    let opened = partners.iter().find_map(|partner| partner.open(jwe).ok())?;
    let request: Value = serde_json::from_slice(&opened.plaintext).ok()?;
    Some(request.get("referenceId")?.as_str()?.to_owned())
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, Refusal> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|_| {
        Refusal::Unreadable(format!("the body must have at most {MAX_BODY_BYTES} bytes"))
    })?;
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| Refusal::Unreadable(format!("the body is not what is asked for: {error}")))
}
