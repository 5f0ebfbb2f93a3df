//! What the platform costs: the same crates with the same clients, and no work. Two secrets are
//! loaded while it starts, and each request writes one item of a record's size. Nothing is
//! decrypted, checked or sealed.

use std::{collections::HashMap, env};

use aws_config::{
    BehaviorVersion,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .region(EnvironmentVariableRegionProvider::new())
        .http_client(http)
        .load()
        .await;
    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let secret = |variable| {
        let id = env::var(variable);
        let call = secrets.get_secret_value();
        async move { Ok::<_, Error>(call.secret_id(id?).send().await?) }
    };
    tokio::try_join!(
        secret("API_KEYS_SECRET_ID"),
        secret("SERVER_KEYS_SECRET_ID")
    )?;

    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
    let table = env::var("TOKENS_TABLE")?;
    let (dynamodb, table) = (&dynamodb, &table);
    run(service_fn(move |request: Request| async move {
        let id = request.lambda_context().request_id;
        dynamodb
            .put_item()
            .table_name(table)
            .set_item(Some(item(&id)))
            .send()
            .await?;
        // As long as a sealed answer.
        let answer = Response::builder()
            .header("Content-Type", "text/plain")
            .header("X-Request-Id", id)
            .body(Body::Text("a".repeat(1200)))?;
        Ok::<_, Error>(answer)
    }))
    .await
}

fn item(id: &str) -> HashMap<String, AttributeValue> {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let number = || AttributeValue::N("1795000000000".to_owned());
    let bytes = |length| AttributeValue::B(Blob::new(vec![0; length]));
    HashMap::from(
        [
            ("pk", text(id)),
            ("jti", text("AAAAAAAAAAAAAAAAAAAAAA")),
            ("status", text("ACTIVE")),
            ("issuedAt", number()),
            ("expireAt", number()),
            ("ttl", number()),
            ("fingerprint", bytes(32)),
            ("sealedBy", text("record-2026-11")),
            ("sealed", bytes(560)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}
