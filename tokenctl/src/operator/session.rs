//! A session's record: its state and times from the clear attributes, the customer only for whoever
//! may read the record ring, and its end.

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use token_service::{
    clock::Clock,
    deadline::Deadline,
    partner::PartnerId,
    record::{CallCost, PartitionKey, StoreError, store::Records},
    request::ReferenceId,
    secrets::server_keys,
};

use super::{
    aws::failure,
    change::Caution,
    moment::{at, now},
    settings::{Deployment, Table, sdk_config},
};
use crate::outcome::{Exit, Failure, Outcome, Report};

/// What operators do with sessions.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show a session's state and times; its token is never shown
    Show {
        #[command(flatten)]
        named: Named,
        /// Show the customer's details too: reads the record keys from the server-keys secret
        #[arg(long, help_heading = "Output")]
        reveal: bool,
    },
    /// End a session for good, as its partner's server can
    Invalidate {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        caution: Caution,
    },
}

/// A session.
#[derive(Args)]
pub(crate) struct Named {
    /// The partner's id
    partner: String,
    /// The referenceId of its Get Token
    reference_id: String,
    #[command(flatten)]
    table: Table,
}

pub(crate) async fn run(deployment: &Deployment, command: Command) -> Outcome {
    let sdk = sdk_config().await;
    match command {
        Command::Show { named, reveal } => show(deployment, &sdk, &named, reveal).await,
        Command::Invalidate { named, caution } => invalidate(&sdk, &named, &caution).await,
    }
}

async fn show(deployment: &Deployment, sdk: &SdkConfig, named: &Named, reveal: bool) -> Outcome {
    let record = Record::read(sdk, named).await?;
    let customer = match reveal {
        true => Some(customer(deployment, &record).await?),
        false => None,
    };
    let (text, json) = record.shown(customer);
    Ok(Report::done(text, json))
}

/// Ends a session by the service's own write. To end it again changes nothing.
async fn invalidate(sdk: &SdkConfig, named: &Named, caution: &Caution) -> Outcome {
    caution.allow(&format!(
        "ending a session in {} is for good: its SDK renews no more, and its tokens become inactive",
        named.table.name()?
    ))?;
    let mut record = Record::read(sdk, named).await?;
    let was_revoked = record.state().0 == "revoked";
    let mut first = "Nothing was changed: this was a dry run.";
    if record.is_free() {
        return Err(missing(&record.table, &record.partner));
    }
    if !caution.dry_run {
        let (now, mut cost) = (Clock::system().now(), CallCost::default());
        // The retention matters to new tokens only; no invocation's end is near.
        let records = Records::new(sdk, record.table.clone(), Duration::ZERO);
        let deadline = Deadline::of_invocation(now, now);
        let revoked = records.revoke(&record.key, now, deadline, &mut cost).await;
        if !revoked.map_err(|error| refused(&record.table, &error))? {
            return Err(missing(&record.table, &record.partner));
        }
        record = Record::read(sdk, named).await?;
        first = match was_revoked {
            true => "Nothing to change: the session was ended already.",
            false => "The session is ended.",
        };
    }
    let (text, mut json) = record.shown(None);
    if let Some(members) = json.as_object_mut() {
        members.insert("dryRun".to_owned(), caution.dry_run.into());
    }
    Ok(Report::done(format!("{first}\n{text}"), json))
}

fn refused(table: &str, error: &StoreError) -> Failure {
    let code = match error {
        StoreError::Failed { failure, .. } => failure.code(),
        StoreError::NotARecord { .. } | StoreError::WithoutItem { .. } => None,
    };
    let exit = match code {
        Some("ResourceNotFoundException") => Exit::NotFound,
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("{table}: {error}"))
}

fn missing(table: &str, partner: &PartnerId) -> Failure {
    Failure::new(
        Exit::NotFound,
        format!(
            "{table} has no session of this referenceId for {}: it never began, or its retention has passed",
            partner.as_str()
        ),
    )
}

struct Record {
    item: HashMap<String, AttributeValue>,
    table: String,
    partner: PartnerId,
    reference: ReferenceId,
    key: PartitionKey,
}

impl Record {
    /// The record of the session, live or not.
    async fn read(sdk: &SdkConfig, named: &Named) -> Result<Self, Failure> {
        let partner = PartnerId::new(&named.partner)
            .ok_or_else(|| Failure::usage("a partner's id is 1-64 of A-Z a-z 0-9 . _ -"))?;
        let reference = ReferenceId::new(&named.reference_id)
            .ok_or_else(|| Failure::usage("a referenceId is 1-64 of A-Z a-z 0-9 . _ : -"))?;
        let table = named.table.name()?;
        let key = PartitionKey::new(&partner, &reference);
        let get = Client::new(sdk)
            .get_item()
            .table_name(table)
            .key("pk", AttributeValue::S(key.as_str().to_owned()))
            // Whoever looks a record up has just seen it written.
            .consistent_read(true);
        let got = get.send().await;
        let got = got.map_err(|error| failure("GetItem", table, &error))?;
        Ok(Self {
            item: got.item.ok_or_else(|| missing(table, &partner))?,
            table: table.to_owned(),
            partner,
            reference,
            key,
        })
    }

    fn find(&self, name: &str) -> Option<&str> {
        let value = self.item.get(name)?.as_s().ok()?;
        Some(value.as_str())
    }

    fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or("?")
    }

    fn find_number(&self, name: &str) -> Option<i64> {
        self.item.get(name)?.as_n().ok()?.parse().ok()
    }

    fn number(&self, name: &str) -> i64 {
        self.find_number(name).unwrap_or(0)
    }

    fn is_free(&self) -> bool {
        self.number("ttl") <= now()
    }

    /// As the service judges it (protocol.md, Idempotency and Renew).
    fn state(&self) -> (&'static str, &'static str) {
        let expired = self.number("expireAt") <= now() * 1000;
        match (self.text("status"), expired) {
            _ if self.is_free() => (
                "free",
                "its retention has passed: the referenceId can be used again",
            ),
            ("REVOKED", _) => (
                "revoked",
                "no renewal, its tokens are inactive, and a repeat of Get Token gets 409 revoked",
            ),
            ("ACTIVE", true) => (
                "expired",
                "its token has; the SDK renews it while the session lasts, and a repeat of Get Token gets 409 expired",
            ),
            ("ACTIVE", false) => ("active", "a repeat of Get Token gets the current token"),
            _ => (
                "unknown",
                "its status is neither ACTIVE nor REVOKED: a repeat of Get Token gets 500",
            ),
        }
    }

    fn shown(&self, customer: Option<Value>) -> (String, Value) {
        let (state, meaning) = self.state();
        let (reference, partner) = (self.reference.as_str(), self.partner.as_str());
        let sealed_by = self.text("sealedBy");
        let millis = |name| at(self.number(name) / 1000);
        let mut lines = vec![
            ("state", format!("{state}: {meaning}")),
            ("session began", millis("issuedAt")),
            ("token expires", millis("expireAt")),
            ("jti", self.text("jti").to_owned()),
            ("kept until", at(self.number("ttl"))),
            ("sealed by", sealed_by.to_owned()),
        ];
        if let Some(previous) = self.find("previousJti") {
            lines.insert(4, ("previous jti", previous.to_owned()));
        }
        if self.find_number("revokedAt").is_some() {
            lines.insert(3, ("revoked", millis("revokedAt")));
        }
        if let Some(kid) = self.find("tokenSealedBy").filter(|kid| *kid != sealed_by) {
            lines.push(("token sealed by", kid.to_owned()));
        }
        if let Some(customer) = &customer {
            lines.push(("customer", customer.to_string()));
        }
        let lines = lines
            .iter()
            .map(|(name, value)| format!("\n  {name:15} {value}"));
        let text = format!("{reference} of {partner}{}", lines.collect::<String>());
        let mut json = json!({
            "referenceId": reference,
            "partnerId": partner,
            "state": state,
            "issuedAt": self.number("issuedAt"),
            "expireAt": self.number("expireAt"),
            "revokedAt": self.find_number("revokedAt"),
            "ttl": self.number("ttl"),
            "jti": self.text("jti"),
            "previousJti": self.find("previousJti"),
            "sealedBy": sealed_by,
            "tokenSealedBy": self.find("tokenSealedBy").unwrap_or(sealed_by),
        });
        if let (Some(customer), Some(members)) = (customer, json.as_object_mut()) {
            members.insert("customer".to_owned(), customer);
        }
        (text, json)
    }
}

async fn customer(deployment: &Deployment, record: &Record) -> Result<Value, Failure> {
    let store = deployment.server_keys().await?;
    let text = store
        .read()
        .await?
        .current
        .ok_or_else(|| {
            Failure::new(
                Exit::NotFound,
                "the server-keys secret is empty: there is no record key",
            )
        })?
        .text;
    let keys = server_keys(&text).map_err(|_| {
        Failure::new(
            Exit::Faulty,
            "the server-keys secret is faulty: `tokenctl status` says where",
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
    let contents = sealed.and_then(|sealed| record_key.open_session(&record.key, sealed.as_ref()));
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
