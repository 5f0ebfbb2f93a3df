//! The sandbox in the browser: a page of the gateway's own origin, below `/sandbox/`, and the few
//! things that it asks of the sandbox. To the token service it speaks as any partner does.
//!
//! | file | responsible for |
//! |---|---|
//! | `guard` | who may ask: this machine's names only, and for a change the page itself |
//! | `files` | the page: `page/`, as it is |
//! | `api` | partners, outages, recent requests, a stored item |
//! | `outage` | the outages that can be asked for |
//!
//! It is never part of the function, and knows the public development keys only.

mod api;
mod files;
mod guard;
mod outage;

use std::sync::Arc;

use bytes::Bytes;
use dynoxide::Database;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderName, LOCATION},
    request::Parts,
};
use hyper::body::Incoming;
use serde_json::json;

use crate::{Faults, function::Function, journal::Journal};

/// The page, and everything of the sandbox's below it.
const PAGE: &str = "/sandbox/";

/// Nothing inline, nothing from elsewhere, in nobody's frame, and no text that becomes markup.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The page's server: what it can show of the sandbox, and what it can do to it.
pub(crate) struct WebPage {
    pub(crate) journal: Journal,
    pub(crate) function: Arc<Function>,
    pub(crate) database: Database,
    pub(crate) dynamodb_faults: Faults,
    pub(crate) secrets_faults: Faults,
}

impl WebPage {
    /// Whether the request is for the page, and not for the function. At `/` that is a browser's
    /// visit, which would see a 404 of the function's; what a partner's program asks there is not
    /// touched.
    pub(crate) fn is_asked<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        path.starts_with(PAGE) || path == PAGE.trim_end_matches('/') || is_visit(request)
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let mut answer = match self.serve(&parts, body).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.answer(),
        };
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", POLICY),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            let value = HeaderValue::from_static(value);
            answer
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        answer
    }

    async fn serve(&self, parts: &Parts, body: Incoming) -> Result<Response<Bytes>, Refusal> {
        guard::check_host(parts)?;
        let Some(name) = parts.uri.path().strip_prefix(PAGE) else {
            return Ok(redirect_to_the_page());
        };
        if let Some(endpoint) = name.strip_prefix("api/") {
            return self.call(endpoint, parts, body).await;
        }
        if !guard::reads(&parts.method) {
            return Err(Refusal::Method("GET, HEAD"));
        }
        files::file(name).ok_or(Refusal::NothingHere)
    }
}

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Stranger(#[from] guard::Stranger),
    #[error("there is nothing at this path: the page is at {PAGE}")]
    NothingHere,
    #[error("the method must be one of: {0}")]
    Method(&'static str),
    #[error("{0}")]
    Unreadable(String),
    #[error("the sandbox itself failed")]
    Sandbox(#[from] crate::Error),
    #[error("a development file is not usable")]
    Development(#[from] crate::development::DevelopmentError),
}

impl Refusal {
    fn answer(&self) -> Response<Bytes> {
        let status = match self {
            Self::Stranger(guard::Stranger::Host) => StatusCode::MISDIRECTED_REQUEST,
            Self::Stranger(guard::Stranger::Origin) => StatusCode::FORBIDDEN,
            Self::Stranger(guard::Stranger::ContentType) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NothingHere => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Sandbox(_) | Self::Development(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut answer = json_answer(&json!({ "error": self.to_string() }));
        *answer.status_mut() = status;
        if let Self::Method(allowed) = self {
            let allowed = HeaderValue::from_static(allowed);
            answer.headers_mut().insert(ALLOW, allowed);
        }
        answer
    }
}

fn json_answer(json: &serde_json::Value) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(json.to_string()));
    let media_type = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    answer
}

fn redirect_to_the_page() -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let page = HeaderValue::from_static(PAGE);
    answer.headers_mut().insert(LOCATION, page);
    answer
}

fn is_visit<B>(request: &Request<B>) -> bool {
    let accept = request.headers().get(ACCEPT);
    let wants_html = accept
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    request.uri().path() == "/" && request.method() == Method::GET && wants_html
}
