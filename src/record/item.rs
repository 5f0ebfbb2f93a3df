//! A record as a DynamoDB item, written and read (protocol.md, Record: the attributes).

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};

use super::{Call, NewRecord, SessionState, StoreError, StoredRecord};
use crate::clock::UnixMillis;

pub(super) type Item = HashMap<String, AttributeValue>;

/// `ttl` is the number of seconds since the epoch at which the item may be deleted.
pub(super) fn of_new(draft: &NewRecord, ttl: i64) -> Item {
    let token = &draft.token;
    HashMap::from(
        [
            ("pk", text(draft.key.as_str())),
            ("jti", text(token.id.as_str())),
            ("status", text("ACTIVE")),
            ("issuedAt", number(draft.session_began.millis())),
            ("expireAt", number(token.expires_at.millis())),
            ("ttl", number(ttl)),
            ("fingerprint", bytes(&draft.fingerprint)),
            ("sealedBy", text(token.sealed_by.as_str())),
            ("sealed", bytes(&draft.sealed)),
            ("token", bytes(&token.bytes)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Reads the record that a failed condition of `call` returned.
pub(super) fn stored(item: Item, call: Call) -> Result<StoredRecord, StoreError> {
    let mut item = Reader { item, call };
    Ok(StoredRecord {
        token_id: item.text("jti")?,
        previous_token_id: item.optional_text("previousJti")?,
        status: item.text("status")?,
        expires_at: UnixMillis::new(item.number("expireAt")?),
        ttl: item.number("ttl")?,
        fingerprint: item.bytes("fingerprint")?,
        sealed_by: item.text("sealedBy")?,
        sealed: item.bytes("sealed")?,
        token_sealed_by: item.optional_text("tokenSealedBy")?,
        token: item.bytes("token")?,
    })
}

/// Reads what introspection asks for.
pub(super) fn state(item: Item, call: Call) -> Result<SessionState, StoreError> {
    let mut item = Reader { item, call };
    Ok(SessionState {
        status: item.text("status")?,
        ttl: item.number("ttl")?,
        session_began: UnixMillis::new(item.number("issuedAt")?),
    })
}

struct Reader {
    item: Item,
    call: Call,
}

impl Reader {
    fn not_a_record(&self, attribute: &'static str) -> StoreError {
        let call = self.call;
        StoreError::NotARecord { call, attribute }
    }

    fn text(&mut self, name: &'static str) -> Result<String, StoreError> {
        match self.item.remove(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.not_a_record(name)),
        }
    }

    fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, StoreError> {
        match self.item.remove(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(self.not_a_record(name)),
        }
    }

    fn number(&mut self, name: &'static str) -> Result<i64, StoreError> {
        match self.item.remove(name) {
            Some(AttributeValue::N(text)) => text.parse().map_err(|_| self.not_a_record(name)),
            _ => Err(self.not_a_record(name)),
        }
    }

    fn bytes(&mut self, name: &'static str) -> Result<Vec<u8>, StoreError> {
        match self.item.remove(name) {
            Some(AttributeValue::B(blob)) => Ok(blob.into_inner()),
            _ => Err(self.not_a_record(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: [&str; 8] = [
        "jti",
        "status",
        "expireAt",
        "ttl",
        "fingerprint",
        "sealedBy",
        "sealed",
        "token",
    ];

    fn item() -> Item {
        HashMap::from(
            [
                ("jti", text("id")),
                ("previousJti", text("before")),
                ("status", text("ACTIVE")),
                ("issuedAt", number(1_795_000_000_000)),
                ("expireAt", number(1_795_000_000_123)),
                ("ttl", number(1_795_086_400)),
                ("sealedBy", text("r1")),
                ("tokenSealedBy", text("r2")),
                ("fingerprint", bytes(&[1; 32])),
                ("sealed", bytes(&[2; 40])),
                ("token", bytes(&[3; 40])),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }

    #[test]
    fn reads_the_record_that_stands_there() {
        let record = stored(item(), Call::Put).unwrap();
        assert_eq!((&*record.token_id, &*record.status), ("id", "ACTIVE"));
        assert_eq!(record.previous_token_id.as_deref(), Some("before"));
        assert_eq!(record.expires_at, UnixMillis::new(1_795_000_000_123));
        assert_eq!(record.ttl, 1_795_086_400);
        assert_eq!(record.sealed_by, "r1");
        assert_eq!(record.token_sealed_by.as_deref(), Some("r2"));
        assert_eq!(
            (record.fingerprint, record.sealed, record.token),
            (vec![1; 32], vec![2; 40], vec![3; 40])
        );
        let mut first = item();
        first.retain(|name, _| STORED.contains(&name.as_str()));
        let record = stored(first, Call::Put).unwrap();
        assert_eq!(
            (record.previous_token_id, record.token_sealed_by),
            (None, None)
        );
    }

    fn missing<T: std::fmt::Debug>(read: Result<T, StoreError>) -> &'static str {
        match read {
            Err(StoreError::NotARecord { attribute, .. }) => attribute,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_the_attribute_that_makes_it_no_record() {
        let spoilt = |name: &str| {
            let mut other = item();
            other.insert(name.to_owned(), AttributeValue::Null(true));
            other
        };
        let without = |name: &str| {
            let mut without = item();
            without.remove(name);
            without
        };
        for name in STORED {
            assert_eq!(missing(stored(without(name), Call::Put)), name);
            assert_eq!(missing(stored(spoilt(name), Call::Put)), name);
        }
        for name in ["previousJti", "tokenSealedBy"] {
            assert!(stored(without(name), Call::Put).is_ok());
            assert_eq!(missing(stored(spoilt(name), Call::Put)), name);
        }
        for name in ["status", "ttl", "issuedAt"] {
            assert_eq!(missing(state(without(name), Call::Get)), name);
            assert_eq!(missing(state(spoilt(name), Call::Get)), name);
        }
    }
}
