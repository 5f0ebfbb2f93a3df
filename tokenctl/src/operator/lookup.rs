//! The record of a reference id: its state from the clear attributes, and the customer only for whoever may read the record
//! ring.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use clap::Args;
use serde_json::{Value, json};
use token_service::{
    partner::PartnerId, record::PartitionKey, request::ReferenceId, secrets::check_server_keys,
};

use super::{
    aws::failure,
    change::Draft,
    documents::Partners,
    moment::{at, now},
    settings::{Deployment, required, sdk_config},
};
use crate::outcome::{Exit, Failure, Outcome, Report};

/// A reference id.
#[derive(Args)]
pub(crate) struct Wanted {
    /// The referenceId of the request
    reference_id: String,
    /// Whose it is [default: each partner of the api-keys secret in turn]
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Name or ARN of the table of records: the stack's output TokensTableName
    #[arg(long, env = "TOKENS_TABLE", value_name = "NAME")]
    tokens_table: Option<String>,
    /// Open the record and show the customer's details too: reads the record keys from the server-keys secret. The token is
    /// not shown
    #[arg(long)]
    reveal: bool,
}

/// Looks a record up.
pub(crate) async fn lookup(deployment: &Deployment, wanted: &Wanted) -> Outcome {
    let reference = ReferenceId::new(&wanted.reference_id)
        .ok_or_else(|| Failure::usage("a referenceId is 1-64 of A-Z a-z 0-9 . _ : -"))?;
    let table = required(wanted.tokens_table.as_deref(), "TOKENS_TABLE")?;
    let client = Client::new(&sdk_config().await);
    for partner in partners(deployment, wanted).await? {
        let key = PartitionKey::new(&partner, &reference);
        let get = client
            .get_item()
            .table_name(table)
            .key("pk", AttributeValue::S(key.as_str().to_owned()));
        // Whoever looks a record up has just seen it written.
        let got = get
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failure("GetItem", table, &error))?;
        if let Some(item) = got.item {
            let record = Record { item, partner };
            let customer = match wanted.reveal {
                true => Some(customer(deployment, &record, &key).await?),
                false => None,
            };
            return Ok(record.report(&reference, customer));
        }
    }
    let whom = wanted.partner.as_deref().unwrap_or("any partner");
    Err(Failure::new(
        Exit::NotFound,
        format!(
            "{table} has no record of this referenceId for {whom}: it was never issued, or its retention has passed"
        ),
    ))
}

async fn partners(deployment: &Deployment, wanted: &Wanted) -> Result<Vec<PartnerId>, Failure> {
    let ids = match &wanted.partner {
        Some(id) => vec![id.clone()],
        None => {
            let draft = Draft::<Partners>::read(&deployment.partners().await?).await?;
            draft
                .document
                .partners
                .into_iter()
                .map(|partner| partner.partner_id)
                .collect()
        }
    };
    let id = |id: &String| {
        PartnerId::new(id)
            .ok_or_else(|| Failure::usage("a partner's id is 1-64 of A-Z a-z 0-9 . _ -"))
    };
    ids.iter().map(id).collect()
}

struct Record {
    item: std::collections::HashMap<String, AttributeValue>,
    partner: PartnerId,
}

impl Record {
    fn text(&self, name: &str) -> &str {
        let value = self.item.get(name).and_then(|value| value.as_s().ok());
        value.map_or("?", String::as_str)
    }

    fn number(&self, name: &str) -> i64 {
        let value = self.item.get(name).and_then(|value| value.as_n().ok());
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// As the service judges it (protocol.md, Idempotency).
    fn state(&self) -> (&'static str, &'static str) {
        let expired = self.number("expireAt") <= now() * 1000;
        match (self.text("status"), expired) {
            _ if self.number("ttl") <= now() => (
                "free",
                "its retention has passed: the referenceId can be used again",
            ),
            ("REVOKED", _) => ("revoked", "a repeat gets 409 revoked"),
            ("ACTIVE", true) => ("expired", "a repeat gets 409 expired"),
            ("ACTIVE", false) => ("active", "a repeat gets the same token"),
            _ => (
                "unknown",
                "its status is neither ACTIVE nor REVOKED: a repeat gets 500",
            ),
        }
    }

    fn report(&self, reference: &ReferenceId, customer: Option<Value>) -> Report {
        let (state, meaning) = self.state();
        let (issued, expires, ttl) = (
            self.number("issuedAt") / 1000,
            self.number("expireAt") / 1000,
            self.number("ttl"),
        );
        let mut text = format!(
            "{} of {}\n  state      {state}: {meaning}\n  issued     {}\n  expires    {}\n  kept until {}\n  jti        {}\n  sealed by  {}",
            reference.as_str(),
            self.partner.as_str(),
            at(issued),
            at(expires),
            at(ttl),
            self.text("jti"),
            self.text("sealedBy"),
        );
        if let Some(customer) = &customer {
            text.push_str(&format!("\n  customer   {customer}"));
        }
        let mut json = json!({
            "referenceId": reference.as_str(),
            "partnerId": self.partner.as_str(),
            "state": state,
            "issuedAt": self.number("issuedAt"),
            "expireAt": self.number("expireAt"),
            "ttl": ttl,
            "jti": self.text("jti"),
            "sealedBy": self.text("sealedBy"),
        });
        if let (Some(customer), Some(members)) = (customer, json.as_object_mut()) {
            members.insert("customer".to_owned(), customer);
        }
        Report::done(text, json)
    }
}

async fn customer(
    deployment: &Deployment,
    record: &Record,
    key: &PartitionKey,
) -> Result<Value, Failure> {
    let store = deployment.server_keys().await?;
    let current = store.current().await?;
    let text = current
        .ok_or_else(|| {
            Failure::new(
                Exit::NotFound,
                "the server-keys secret is empty: there is no record key",
            )
        })?
        .text;
    let keys = check_server_keys(&text).map_err(|_| {
        Failure::new(
            Exit::Faulty,
            "the server-keys secret is faulty: `tokenctl secrets check` says where",
        )
    })?;
    let kid = record.text("sealedBy");
    let record_key = keys.record.opener(kid).ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            format!("the record was sealed by {kid}, which is not in the record ring any more"),
        )
    })?;
    let sealed = record
        .item
        .get("sealed")
        .and_then(|value| value.as_b().ok());
    let contents = sealed.and_then(|sealed| record_key.open_session(key, sealed.as_ref()));
    let contents = contents.ok_or_else(|| {
        Failure::new(
            Exit::Faulty,
            format!(
                "the record does not open under {kid}: it was altered, or moved from another item"
            ),
        )
    })?;
    serde_json::from_slice(&contents.customer).map_err(|_| {
        Failure::new(
            Exit::Faulty,
            "the record's customer is not JSON: it was written by something else than the service",
        )
    })
}
