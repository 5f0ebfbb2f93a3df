//! The partner's server: puts a sealed body into a request and calls the service over HTTP.

use std::{io, net::IpAddr};

use bytes::Bytes;
use http::{Method, Request, Response, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use crate::credentials::Credentials;

/// The path of a Get Token whose answer's `resCode` is a string.
pub const TOKEN_PATH: &str = "/token-service/client/server/new/v2/token";
/// The first version's path, whose answer's `resCode` is a number.
pub const LEGACY_TOKEN_PATH: &str = "/token-service/client/server/new/token";

/// The path that ends a session, and whose answer's `resCode` is a string.
pub const INVALIDATE_PATH: &str = "/token-service/client/server/invalidate/v2/token";
/// The same, with a number.
pub const LEGACY_INVALIDATE_PATH: &str = "/token-service/client/server/invalidate/token";

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The address is not a URL's beginning such as `http://127.0.0.1:8080`.
    #[error("{0} is not a URL such as https://api.example.com/prod")]
    Address(String),
    /// This machine has no certificates to check the service's by.
    #[error("the system's certificates cannot be read: install ca-certificates")]
    Certificates(#[source] io::Error),
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
    token_request_at(TOKEN_PATH, credentials, body)
}

/// The same at a path of the caller's, such as [`LEGACY_TOKEN_PATH`].
///
/// # Errors
/// As [`token_request`], or the path is none.
pub fn token_request_at(
    path: &str,
    credentials: &Credentials,
    body: String,
) -> Result<Request<Bytes>, CallError> {
    Ok(Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("x-api-key", &credentials.api_key)
        .header(header::CONTENT_TYPE, "text/plain")
        .body(body.into())?)
}

/// Sends a request, whose URI is a path, to an address such as `http://127.0.0.1:8080` or
/// `https://api.example.com/prod`. Any method may have a body, GET included. No redirect is
/// followed: the API key must not go where one points.
///
/// # Errors
/// There is no answer: see [`CallError`].
pub async fn call(address: &str, request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    let (mut parts, body) = request.into_parts();
    parts.uri = resolve(address, &parts.uri)?;
    let builder = Client::builder(TokioExecutor::new());
    let request = Request::from_parts(parts, Full::new(body));
    let sent = if request.uri().scheme() == Some(&Scheme::HTTPS) {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(CallError::Certificates)?
            .https_only()
            .enable_http1()
            .build();
        builder.build(connector).request(request).await
    } else {
        builder.build_http().request(request).await
    };
    let response = sent.map_err(|source| CallError::NoAnswer {
        address: address.to_owned(),
        source,
    })?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(CallError::BrokenOff)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn resolve(address: &str, path: &Uri) -> Result<Uri, CallError> {
    let wrong = || CallError::Address(address.to_owned());
    let base: Uri = address.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (base.scheme_str(), base.authority()) else {
        return Err(wrong());
    };
    let prefix = base.path().trim_end_matches('/');
    format!("{scheme}://{authority}{prefix}{path}")
        .parse()
        .map_err(|_| wrong())
}

/// Why a URL is not one of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// None.
    #[error("there is no URL: give one, or put it into the credentials as url")]
    Missing,
    /// Not a URL, or more than one.
    #[error("the URL must be like https://api.example.com/prod")]
    Malformed,
    /// With the protocol's path.
    #[error("the URL must end before /token-service/...: the path is added")]
    WithPath,
    /// Without TLS.
    #[error(
        "the URL must begin with https://, as your API key is sent there; http:// is for this machine only"
    )]
    WithoutTls,
}

/// Checks the URL that a service is said to have: what stands before `/token-service/...`.
///
/// # Errors
/// See [`UrlFault`].
pub fn service_url(text: Option<&str>) -> Result<String, UrlFault> {
    let text = text
        .filter(|text| !text.is_empty())
        .ok_or(UrlFault::Missing)?;
    let uri: Uri = text.parse().map_err(|_| UrlFault::Malformed)?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(UrlFault::Malformed);
    };
    let has_user = uri.authority().is_some_and(|it| it.as_str().contains('@'));
    if has_user || uri.query().is_some() || text.contains('#') {
        return Err(UrlFault::Malformed);
    }
    if uri.path().contains("/token-service/") {
        return Err(UrlFault::WithPath);
    }
    match scheme {
        "https" => {}
        "http" if is_this_machine(host) => {}
        _ => return Err(UrlFault::WithoutTls),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
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

    #[test]
    fn keeps_the_path_that_a_stage_puts_in_front() {
        let path = "/token-service/x".parse().unwrap();
        for address in [
            "https://api.example.com/prod",
            "https://api.example.com/prod/",
        ] {
            assert_eq!(
                resolve(address, &path).unwrap(),
                "https://api.example.com/prod/token-service/x"
            );
        }
    }

    #[test]
    fn a_key_goes_over_tls_or_stays_on_this_machine() {
        for url in [
            "https://a.example/prod/",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(service_url(Some(url)).is_ok(), "{url}");
        }
        for (url, fault) in [
            ("http://10.0.0.1", UrlFault::WithoutTls),
            ("ftp://a.example", UrlFault::WithoutTls),
            ("a.example", UrlFault::Malformed),
            ("https://u:p@a.example", UrlFault::Malformed),
            ("https://a.example?x", UrlFault::Malformed),
            ("https://a.example/token-service/x", UrlFault::WithPath),
        ] {
            assert_eq!(service_url(Some(url)), Err(fault), "{url}");
        }
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
