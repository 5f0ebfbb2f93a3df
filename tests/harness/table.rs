//! The table as an operator sees it: items that are altered, copied and counted behind the
//! service's back.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{Service, dynamodb};

/// The service's table.
pub struct Table {
    client: Client,
    name: String,
}

/// An item of it.
pub type Item = HashMap<String, AttributeValue>;

impl Table {
    /// The table of a service.
    pub fn of(service: &Service) -> Self {
        Self {
            client: dynamodb(service),
            name: service.table().to_owned(),
        }
    }

    /// The item of one of `acme`'s reference ids.
    pub async fn item(&self, reference: &str) -> Item {
        let read = self.client.get_item().table_name(&self.name);
        let read = read.key("pk", key(reference)).consistent_read(true).send();
        let item = read.await.expect("the table can be read").item;
        item.expect("there is an item")
    }

    /// Writes an item as it is.
    pub async fn put(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.name);
        let put = put.set_item(Some(item)).send();
        put.await.expect("the table can be written");
    }

    /// Sets one attribute of the item of one of `acme`'s reference ids.
    pub async fn set(&self, reference: &str, attribute: &str, value: AttributeValue) {
        let mut item = self.item(reference).await;
        item.insert(attribute.to_owned(), value);
        self.put(item).await;
    }

    /// Removes the item of one of `acme`'s reference ids.
    pub async fn delete(&self, reference: &str) {
        let delete = self.client.delete_item().table_name(&self.name);
        let delete = delete.key("pk", key(reference)).send();
        delete.await.expect("the table can be written");
    }

    /// How many items there are.
    pub async fn count(&self) -> usize {
        let scan = self.client.scan().table_name(&self.name).send();
        scan.await.expect("the table can be scanned").items().len()
    }
}

/// The `pk` of one of `acme`'s reference ids.
pub fn key(reference: &str) -> AttributeValue {
    text(&format!("acme#{reference}"))
}

/// A string.
pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A number.
pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Bytes.
pub fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(value.into())
}

/// An attribute that is a number.
pub fn number_of(item: &Item, attribute: &str) -> i64 {
    item[attribute].as_n().unwrap().parse().unwrap()
}

/// An attribute that is bytes.
pub fn bytes_of(item: &Item, attribute: &str) -> Vec<u8> {
    item[attribute].as_b().unwrap().clone().into_inner()
}

/// Seconds since the epoch.
pub fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Fails if an attribute of an item, as DynamoDB JSON, holds one of `secrets`.
#[track_caller]
pub fn shows_none_of(item: &Value, secrets: &[Vec<u8>]) {
    for (name, value) in item.as_object().unwrap() {
        let (kind, text) = value.as_object().unwrap().iter().next().unwrap();
        let text = text.as_str().unwrap();
        let stored = match kind.as_str() {
            "B" => STANDARD.decode(text).unwrap(),
            _ => text.as_bytes().to_vec(),
        };
        for secret in secrets {
            let found = stored.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{name} shows {:?}", String::from_utf8_lossy(secret));
        }
    }
}
