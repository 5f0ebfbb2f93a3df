//! TLS 1.1 (RFC 4346) is refused. No TLS library at hand serves it any more, so the server is as
//! much of one as it takes to see the refusal: it answers a ClientHello with a ServerHello, and
//! reads what the client makes of that.

use std::time::Duration;

use service_tests::{Plain, within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{Network, cause, start};

/// An alert record: fatal, protocol_version (RFC 5246 section 7.2).
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

/// TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, which TLS 1.1 has, and
/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, of TLS 1.2.
const CBC: [u8; 2] = [0xc0, 0x13];
const GCM: [u8; 2] = [0xc0, 0x2b];

/// A ServerHello without extensions: version, random, no session id, cipher suite, no compression
/// (RFC 5246 section 7.4.1.3).
fn server_hello(version: [u8; 2], suite: [u8; 2]) -> Vec<u8> {
    let body = [&version[..], &[7; 32], &[0], &suite, &[0]].concat();
    let handshake = [&[2, 0, 0, body.len() as u8][..], &body].concat();
    [
        &[22, version[0], version[1], 0, handshake.len() as u8][..],
        &handshake,
    ]
    .concat()
}

/// Reads a ClientHello, answers with `hello` and no more, and gives back what the client says to
/// that.
async fn answer(mut stream: TcpStream, hello: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await?;
    let length = u16::from_be_bytes([header[3], header[4]]);
    stream.read_exact(&mut vec![0; length.into()]).await?;
    stream.write_all(hello).await?;
    stream.shutdown().await?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await?;
    Ok(said)
}

/// A DynamoDB that answers every connection with `hello`. What is said to the first, and what
/// becomes of a request.
async fn met_with(hello: Vec<u8>) -> (Vec<u8>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let (told, mut said) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = told.send(answer(stream, &hello).await.unwrap());
        }
    });
    let network = Network::new();
    let bundle = network.bundle();
    let env = [
        ("AWS_ENDPOINT_URL_DYNAMODB", url.as_str()),
        ("AWS_CA_BUNDLE", &bundle),
    ];
    let service = start(None, None, &env).await;
    let limit = Duration::from_secs(10);
    let said = within("a handshake", limit, said.recv()).await.unwrap();
    let reply = service.ask(&Plain::new()).await.refused(503, "TOK503");
    (said, cause(&service, &reply).await)
}

#[tokio::test]
async fn tls_1_1_is_refused() {
    let (said, cause) = met_with(server_hello([3, 2], CBC)).await;
    assert_eq!(said, PROTOCOL_VERSION);
    assert!(cause.contains("could not be reached"), "{cause}");
}

#[tokio::test]
async fn tls_1_2_is_not_refused_for_its_version() {
    let (said, _) = met_with(server_hello([3, 3], GCM)).await;
    assert_ne!(said, PROTOCOL_VERSION, "the stand-in shows nothing");
}
