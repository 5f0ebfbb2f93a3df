//! DynamoDB's table, as far as a benchmark needs it: the conditions and updates are evaluated as in
//! the AWS that tests have in their process.

#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a module of the AWS that tests have in their process"
)]
#[path = "../../aws/src/expressions.rs"]
mod expressions;

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Items by `pk`.
#[derive(Clone, Default)]
pub(crate) struct Items(HashMap<String, Value>);

impl Items {
    /// These items, by their `pk`.
    pub(crate) fn of(items: &[Value]) -> Self {
        let keyed = |item: &Value| Some((text(item, "/pk/S")?.to_owned(), item.clone()));
        Self(items.iter().filter_map(keyed).collect())
    }

    /// `PutItem`; an error is what stands there and fails its condition.
    pub(crate) fn put(&mut self, put: &Value) -> Result<(), Option<Value>> {
        let item = put.get("Item").ok_or(None)?;
        let key = text(item, "/pk/S").ok_or(None)?;
        let found = self.0.get(key);
        if !expressions::condition_holds(put, found) {
            return Err(found.cloned());
        }
        self.0.insert(key.to_owned(), item.clone());
        Ok(())
    }

    /// `UpdateItem`, likewise.
    pub(crate) fn update(&mut self, update: &Value) -> Result<(), Option<Value>> {
        let key = text(update, "/Key/pk/S").ok_or(None)?;
        let found = self.0.get_mut(key);
        if !expressions::condition_holds(update, found.as_deref()) {
            return Err(found.cloned());
        }
        if let Some(item) = found {
            expressions::update(update, item);
        }
        Ok(())
    }

    /// `GetItem`: the attributes that are asked for.
    pub(crate) fn get(&self, get: &Value) -> Option<Value> {
        let item = self.0.get(text(get, "/Key/pk/S")?)?;
        let Some(projection) = text(get, "/ProjectionExpression") else {
            return Some(item.clone());
        };
        let attributes = projection.split(", ").filter_map(|name| {
            let names = get.get("ExpressionAttributeNames");
            let name = names
                .and_then(|names| names.get(name)?.as_str())
                .unwrap_or(name);
            Some((name.to_owned(), item.get(name)?.clone()))
        });
        Some(attributes.collect::<Map<_, _>>().into())
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}
