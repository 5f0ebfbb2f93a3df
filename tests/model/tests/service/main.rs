//! The service's own code, held against the model of it: what it writes, and what it makes of the
//! record that it finds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod partner;

use in_process_aws::RETENTION;
use model::issue::{Found, Kind, judge};
use serde_json::json;
use token_service::operations::{Conflict, OperationError, Outcome, Success};

use partner::{Caller, NOW_MILLIS, aws};

fn kind(answer: &Result<Success, OperationError>) -> Kind {
    match answer {
        Ok(success) if success.replayed => Kind::Replay,
        Ok(_) => Kind::First,
        Err(OperationError::Conflict(Conflict::Reused)) => Kind::Reused,
        Err(OperationError::Conflict(Conflict::Expired)) => Kind::Expired,
        Err(OperationError::Conflict(Conflict::Revoked)) => Kind::Revoked,
        Err(_) => Kind::Failed,
    }
}

fn token(success: &Success) -> &str {
    match &success.outcome {
        Outcome::Issued(issued) => issued.token.compact(),
        _ => panic!("not an issue's success"),
    }
}

#[tokio::test]
async fn judges_every_found_record_as_the_model_does() {
    let aws = aws();
    let caller = Caller::of(&aws).await;
    let first = caller.ask("David").await.unwrap();
    let first_token = token(&first);
    let first_item = aws.puts()[0]["Item"].clone();

    for case in 0..16_u8 {
        let found = Found {
            own: case & 1 != 0,
            same_request: case & 2 != 0,
            revoked: case & 4 != 0,
            expired: case & 8 != 0,
        };
        let first_item = first_item.clone();
        aws.let_writes_find(move |own| {
            let mut item = if found.own {
                own.clone()
            } else {
                first_item.clone()
            };
            if found.own && !found.same_request {
                item["fingerprint"] = json!({"B": "AAAA"});
            }
            item["status"] = json!({"S": if found.revoked { "REVOKED" } else { "ACTIVE" }});
            let expires_at = if found.expired {
                NOW_MILLIS
            } else {
                NOW_MILLIS + 1
            };
            item["expireAt"] = json!({"N": expires_at.to_string()});
            item
        });
        let name = if found.same_request || found.own {
            "David"
        } else {
            "Victoria"
        };
        let answer = caller.ask(name).await;
        assert_eq!(kind(&answer), judge(found, None), "{found:?}");
        if let Ok(success) = &answer {
            let is_the_firsts = token(success) == first_token;
            assert_eq!(is_the_firsts, success.replayed, "{found:?}");
        }
    }
}

#[tokio::test]
async fn writes_on_the_model_s_condition() {
    let aws = aws();
    Caller::of(&aws).await.ask("David").await.unwrap();
    let put = aws.puts().remove(0);
    assert_eq!(
        put["ConditionExpression"],
        "attribute_not_exists(pk) OR #ttl <= :now"
    );
    assert_eq!(put["ExpressionAttributeNames"]["#ttl"], "ttl");
    let now = NOW_MILLIS / 1000;
    assert_eq!(
        put["ExpressionAttributeValues"][":now"]["N"],
        now.to_string()
    );
    assert_eq!(put["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");

    let item = &put["Item"];
    let number = |name: &str| item[name]["N"].as_str().unwrap().parse::<i64>().unwrap();
    let retention = i64::try_from(RETENTION.as_secs()).unwrap();
    assert_eq!(number("ttl"), number("expireAt") / 1000 + retention);
    assert_eq!(item["status"]["S"], "ACTIVE");
}

#[tokio::test]
async fn every_attempt_writes_the_same_draft() {
    let aws = aws();
    aws.fail_writes(2);
    Caller::of(&aws).await.ask("David").await.unwrap();
    let puts = aws.puts();
    assert_eq!(puts.len(), 3);
    assert!(puts.iter().all(|put| *put == puts[0]), "{puts:#?}");
}
