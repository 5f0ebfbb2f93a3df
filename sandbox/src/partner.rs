//! The partner's server: seals a request, calls the service over HTTP, opens the answer.

use bytes::Bytes;
use http::{Method, Request, Response, Uri, header, uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

pub use crate::{
    credentials::{Credentials, Jwk},
    jwe::{OpenError, Opened, open, seal, seal_with_header, seal_with_iv},
};

/// The path of a Get Token whose answer's `resCode` is a string.
pub const TOKEN_PATH: &str = "/token-service/client/server/new/v2/token";
/// The first version's path, whose answer's `resCode` is a number.
pub const LEGACY_TOKEN_PATH: &str = "/token-service/client/server/new/token";

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address is not a URL's beginning such as `http://127.0.0.1:8080`.
    #[error("{0} is not an http:// address")]
    Address(String),
    /// The request is not one that HTTP can carry.
    #[error("the request cannot be sent")]
    Request(#[from] http::Error),
    /// Nobody answered.
    #[error("no answer from {address}")]
    NoAnswer {
        /// Who was asked.
        address: String,
        /// What went wrong.
        source: hyper_util::client::legacy::Error,
    },
    /// The answer broke off.
    #[error("the answer broke off")]
    BrokenOff(#[source] hyper::Error),
}

/// The request of a partner for a token, with a body sealed already.
///
/// # Errors
/// The API key cannot be a header's value.
pub fn token_request(credentials: &Credentials, body: String) -> Result<Request<Bytes>, CallError> {
    Ok(Request::builder()
        .method(Method::POST)
        .uri(TOKEN_PATH)
        .header("x-api-key", &credentials.api_key)
        .header(header::CONTENT_TYPE, "text/plain")
        .body(body.into())?)
}

/// Sends a request, whose URI is a path, to an address such as `http://127.0.0.1:8080`. Any method may have a body, GET
/// included.
///
/// # Errors
/// There is no answer: see [`CallError`].
pub async fn call(address: &str, request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    let (mut parts, body) = request.into_parts();
    parts.uri = resolve(address, &parts.uri)?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = client
        .request(Request::from_parts(parts, Full::new(body)))
        .await
        .map_err(|source| CallError::NoAnswer {
            address: address.to_owned(),
            source,
        })?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(CallError::BrokenOff)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn resolve(address: &str, path: &Uri) -> Result<Uri, CallError> {
    let base: uri::Parts = address
        .parse::<Uri>()
        .map_err(|_| CallError::Address(address.to_owned()))?
        .into_parts();
    let mut parts = path.clone().into_parts();
    parts.scheme = base.scheme;
    parts.authority = base.authority;
    Uri::from_parts(parts).map_err(|_| CallError::Address(address.to_owned()))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn sends_a_get_with_its_body_and_headers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut received = Vec::new();
            while !received.ends_with(b"hello") {
                assert_ne!(socket.read_buf(&mut received).await.unwrap(), 0);
            }
            socket
                .write_all(b"HTTP/1.1 418 x\r\ncontent-length: 2\r\n\r\nok")
                .await
                .unwrap();
            String::from_utf8(received).unwrap()
        });
        let request = Request::get("/a/b?c=d")
            .header("x-api-key", "k")
            .body("hello".into())
            .unwrap();
        let response = call(&address, request).await.unwrap();
        assert_eq!(response.status(), 418);
        assert_eq!(response.body(), "ok");
        let received = served.await.unwrap();
        assert!(
            received.starts_with("GET /a/b?c=d HTTP/1.1\r\n"),
            "{received}"
        );
        assert!(received.contains("x-api-key: k\r\n"), "{received}");
    }

    #[tokio::test]
    async fn says_who_did_not_answer() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let request = Request::get("/").body(Bytes::new()).unwrap();
        let error = call(&address, request).await.unwrap_err();
        assert!(error.to_string().contains(&address), "{error}");
    }

    #[tokio::test]
    async fn refuses_an_address_without_a_scheme() {
        let request = Request::get("/").body(Bytes::new()).unwrap();
        assert!(matches!(
            call("127.0.0.1:1", request).await,
            Err(CallError::Address(_))
        ));
    }
}
