//! The service's own code, held against the model of it: what it writes, and what it makes of the
//! record that it finds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

mod aws;
mod partner;

use model::issue::{Found, Kind, judge};
use token_service::operations::{Conflict, OperationError, Success};

use aws::{Aws, InTheWay, NOW_MILLIS, RETENTION};

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

#[tokio::test]
async fn judges_every_found_record_as_the_model_does() {
    let aws = Aws::default();
    let issuer = aws.issuer();
    let first = issuer.ask("David").await.unwrap();
    let first_token = first.issued.token.compact();

    for case in 0..16_u8 {
        let found = Found {
            own: case & 1 != 0,
            same_request: case & 2 != 0,
            revoked: case & 4 != 0,
            expired: case & 8 != 0,
        };
        aws.put_in_the_way(InTheWay {
            own: found.own,
            altered_fingerprint: found.own && !found.same_request,
            status: if found.revoked { "REVOKED" } else { "ACTIVE" },
            expires_at: if found.expired {
                NOW_MILLIS
            } else {
                NOW_MILLIS + 1
            },
        });
        let name = if found.same_request || found.own {
            "David"
        } else {
            "Victoria"
        };
        let answer = issuer.ask(name).await;
        assert_eq!(kind(&answer), judge(found, None), "{found:?}");
        if let Ok(success) = answer {
            let is_the_firsts = success.issued.token.compact() == first_token;
            assert_eq!(is_the_firsts, success.replayed, "{found:?}");
        }
    }
}

#[tokio::test]
async fn writes_on_the_model_s_condition() {
    let aws = Aws::default();
    aws.issuer().ask("David").await.unwrap();
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
    let aws = Aws::default();
    aws.lose_answers(2);
    aws.issuer().ask("David").await.unwrap();
    let puts = aws.puts();
    assert_eq!(puts.len(), 3);
    assert!(puts.iter().all(|put| *put == puts[0]), "{puts:#?}");
}
