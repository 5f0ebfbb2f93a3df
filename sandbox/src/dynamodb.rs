//! DynamoDB: `dynoxide` (SQLite) with the service's table, behind the sandbox's own front.
//!
//! `dynoxide` deletes items whose TTL has passed only when it is told to, and it is not: as far as
//! the function can tell, DynamoDB is always late with it, which AWS allows (it promises "a few
//! days").

use std::{collections::HashMap, net::SocketAddr, path::Path};

use bytes::Bytes;
use dynoxide::{
    AttributeValue, Database, ImportOptions, Item,
    actions::{
        create_table::CreateTableRequest, get_item::GetItemRequest,
        update_time_to_live::UpdateTimeToLiveRequest,
    },
};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode, Uri,
    header::{CONNECTION, HOST, TRANSFER_ENCODING},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Error,
    front::{self, Service},
    listen::listen,
    tasks::Tasks,
};

/// The name of the service's table.
pub(crate) const TABLE: &str = "tokens";

const FILE: &str = "dynamodb.sqlite";

/// Copies that are in memory at once, and one transaction.
const COPIES_AT_ONCE: u32 = 10_000;

/// Opens the database, in memory or in `data_dir`, with the table in it.
pub(crate) fn open(data_dir: Option<&Path>) -> Result<Database, Error> {
    let database = match data_dir {
        None => Database::memory(),
        Some(directory) => Database::new(&directory.join(FILE).to_string_lossy()),
    }
    .map_err(Error::Database)?;
    let tables = database
        .list_tables(Default::default())
        .map_err(Error::Database)?;
    if !tables.table_names.iter().any(|name| name == TABLE) {
        create_table(&database)?;
    }
    Ok(database)
}

/// The item of a partner's reference id, as DynamoDB JSON.
pub(crate) fn item(
    database: &Database,
    partner_id: &str,
    reference_id: &str,
) -> Result<Option<Value>, Error> {
    let item = stored(database, partner_id, reference_id)?;
    item.map(serde_json::to_value)
        .transpose()
        .map_err(Error::DatabaseJson)
}

/// Puts `copies` of an item into the table, each under a key of its own.
pub(crate) fn copy_item(
    database: &Database,
    partner_id: &str,
    reference_id: &str,
    copies: u32,
) -> Result<(), Error> {
    let Some(item) = stored(database, partner_id, reference_id)? else {
        return Err(Error::NoItem);
    };
    let copy = || {
        let mut copy = item.clone();
        let key = format!("{partner_id}#{}", Uuid::new_v4());
        copy.insert("pk".to_owned(), AttributeValue::S(key));
        copy
    };
    let mut left = copies;
    while left > 0 {
        let batch = left.min(COPIES_AT_ONCE);
        let items = (0..batch).map(|_| copy()).collect();
        database
            .import_items(TABLE, items, ImportOptions::default())
            .map_err(Error::Database)?;
        left -= batch;
    }
    Ok(())
}

fn stored(
    database: &Database,
    partner_id: &str,
    reference_id: &str,
) -> Result<Option<Item>, Error> {
    let key = AttributeValue::S(format!("{partner_id}#{reference_id}"));
    let found = database.get_item(GetItemRequest {
        table_name: TABLE.to_owned(),
        key: HashMap::from([("pk".to_owned(), key)]),
        consistent_read: Some(true),
        ..Default::default()
    });
    Ok(found.map_err(Error::Database)?.item)
}

fn create_table(database: &Database) -> Result<(), Error> {
    let table: CreateTableRequest = serde_json::from_value(json!({
        "TableName": TABLE,
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "BillingMode": "PAY_PER_REQUEST",
    }))
    .map_err(Error::DatabaseJson)?;
    let time_to_live: UpdateTimeToLiveRequest = serde_json::from_value(json!({
        "TableName": TABLE,
        "TimeToLiveSpecification": { "AttributeName": "ttl", "Enabled": true },
    }))
    .map_err(Error::DatabaseJson)?;
    database.create_table(table).map_err(Error::Database)?;
    database
        .update_time_to_live(time_to_live)
        .map_err(Error::Database)?;
    Ok(())
}

/// DynamoDB as a [`Service`]: hands requests to `dynoxide`'s own HTTP server, whose router cannot
/// be called in-process.
pub(crate) struct DynamoDb {
    server: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl DynamoDb {
    /// Starts `dynoxide`'s server for `database`.
    pub(crate) async fn start(tasks: &Tasks, database: Database) -> Result<Self, Error> {
        let (listener, server) = listen(None).await?;
        let end = tasks.end_signal().cancelled_owned();
        tasks.spawn_orderly(async move {
            // It fails only in accepting connections; the front then answers 500.
            let _ = dynoxide::server::serve_with_shutdown(listener, database, end).await;
        });
        Ok(Self {
            server,
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    async fn forward(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let (mut parts, body) = request.into_parts();
        parts.uri = Uri::builder()
            .scheme("http")
            .authority(self.server.to_string())
            .path_and_query(parts.uri.path_and_query()?.as_str())
            .build()
            .ok()?;
        for hop_by_hop in [HOST, CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(hop_by_hop);
        }
        let request = Request::from_parts(parts, Full::new(body));
        let (parts, body) = self.client.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Response::from_parts(parts, body))
    }
}

impl Service for DynamoDb {
    const THROTTLED: &'static str =
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    const MEDIA_TYPE: &'static str = "application/x-amz-json-1.0";

    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.forward(request).await.unwrap_or_else(|| {
            let body = r#"{"__type":"com.amazon.coral.service#InternalServerError"}"#;
            front::answer::<Self>(StatusCode::INTERNAL_SERVER_ERROR, body)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a request as an SDK does; the signature is not checked, but has to be there.
    async fn send(service: &DynamoDb, operation: &str, request: Value) -> (u16, Value) {
        let request = Request::post("/")
            .header("Host", "dynamodb")
            .header("Content-Type", DynamoDb::MEDIA_TYPE)
            .header("X-Amz-Target", format!("DynamoDB_20120810.{operation}"))
            .header("X-Amz-Date", "20261124T000000Z")
            .header(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=k/20261124/eu-west-1/dynamodb/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=00",
            )
            .body(request.to_string().into())
            .unwrap();
        let answer = service.answer(request).await;
        let body = serde_json::from_slice(answer.body()).unwrap();
        (answer.status().as_u16(), body)
    }

    /// The write that an issue is: for a pair that is new, or whose time has passed by `now`.
    fn issue(jti: &str, ttl: u64, now: u64) -> Value {
        json!({
            "TableName": TABLE,
            "Item": { "pk": { "S": "acme#r" }, "jti": { "S": jti }, "ttl": { "N": ttl.to_string() } },
            "ConditionExpression": "attribute_not_exists(pk) OR #ttl <= :now",
            "ExpressionAttributeNames": { "#ttl": "ttl" },
            "ExpressionAttributeValues": { ":now": { "N": now.to_string() } },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        })
    }

    #[tokio::test]
    async fn a_failed_condition_returns_the_item_that_is_there() {
        let service = DynamoDb::start(&Tasks::default(), open(None).unwrap())
            .await
            .unwrap();

        let (first, _) = send(&service, "PutItem", issue("one", 100, 50)).await;
        let (second, error) = send(&service, "PutItem", issue("two", 160, 60)).await;

        assert_eq!((first, second), (200, 400));
        let kind = error["__type"].as_str().unwrap();
        assert!(kind.ends_with("#ConditionalCheckFailedException"), "{kind}");
        assert_eq!(error["Item"]["jti"]["S"], "one");
    }

    #[tokio::test]
    async fn an_item_whose_time_has_passed_is_there_until_it_is_replaced() {
        let database = open(None).unwrap();
        let service = DynamoDb::start(&Tasks::default(), database.clone())
            .await
            .unwrap();
        send(&service, "PutItem", issue("one", 100, 50)).await;

        let there = item(&database, "acme", "r").unwrap().unwrap();
        let (replaced, _) = send(&service, "PutItem", issue("two", 200, 100)).await;

        assert_eq!(there["jti"]["S"], "one");
        assert_eq!(replaced, 200);
        assert_eq!(
            item(&database, "acme", "r").unwrap().unwrap()["jti"]["S"],
            "two"
        );
        assert_eq!(item(&database, "acme", "other").unwrap(), None);
    }

    #[tokio::test]
    async fn the_table_expires_items_by_ttl() {
        let service = DynamoDb::start(&Tasks::default(), open(None).unwrap())
            .await
            .unwrap();
        let request = json!({ "TableName": TABLE });

        let (_, time_to_live) = send(&service, "DescribeTimeToLive", request.clone()).await;
        let (_, table) = send(&service, "DescribeTable", request).await;

        assert_eq!(
            time_to_live["TimeToLiveDescription"]["AttributeName"],
            "ttl"
        );
        assert_eq!(table["Table"]["TableStatus"], "ACTIVE");
        assert_eq!(
            table["Table"]["BillingModeSummary"]["BillingMode"],
            "PAY_PER_REQUEST"
        );
    }

    #[tokio::test]
    async fn items_are_kept_in_the_data_directory() {
        let directory = tempfile::tempdir().unwrap();
        let database = open(Some(directory.path())).unwrap();
        let service = DynamoDb::start(&Tasks::default(), database).await.unwrap();
        send(&service, "PutItem", issue("one", 100, 50)).await;

        let again = open(Some(directory.path())).unwrap();

        assert!(item(&again, "acme", "r").unwrap().is_some());
    }

    #[tokio::test]
    async fn copies_of_an_item_are_beside_it() {
        let database = open(None).unwrap();
        let service = DynamoDb::start(&Tasks::default(), database.clone())
            .await
            .unwrap();
        send(&service, "PutItem", issue("one", 100, 50)).await;

        copy_item(&database, "acme", "r", COPIES_AT_ONCE + 1).unwrap();

        let count = json!({ "TableName": TABLE, "Select": "COUNT", "FilterExpression": "jti = :one",
            "ExpressionAttributeValues": { ":one": { "S": "one" } } });
        let (_, counted) = send(&service, "Scan", count).await;
        assert_eq!(counted["Count"], COPIES_AT_ONCE + 2);
        assert!(matches!(
            copy_item(&database, "acme", "other", 1),
            Err(Error::NoItem)
        ));
    }
}
