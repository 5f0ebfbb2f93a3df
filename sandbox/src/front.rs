//! The door of an AWS service: an HTTP server that counts what comes in and lets the scripted
//! faults happen, at the socket where that is where they happen in life. What a request means is
//! the [`Service`]'s business.

use std::{io, iter, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited, channel::Channel, combinators::BoxBody};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{Fault, Faults, Tls, faults::Break, listen, tasks::Tasks};

/// DynamoDB's limit, the larger one of the two services.
const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// An AWS service that speaks AWS JSON.
pub(crate) trait Service: Send + Sync + 'static {
    /// The `__type` of its throttling error.
    const THROTTLED: &'static str;
    /// The media type that it answers in.
    const MEDIA_TYPE: &'static str;

    /// Does what the request asks for. Errors are answers, too.
    fn answer(&self, request: Request<Bytes>) -> impl Future<Output = Response<Bytes>> + Send;
}

/// Serves `service` on `listener`, over TLS if there is any, with `faults` in between.
pub(crate) fn open<S: Service>(
    tasks: &Tasks,
    listener: TcpListener,
    service: Arc<S>,
    faults: Faults,
    tls: Option<Tls>,
) {
    let front = Arc::new(Front {
        service,
        faults,
        tls,
        tasks: tasks.clone(),
    });
    listen::accept(tasks, listener, move |stream, _| {
        let front = front.clone();
        async move {
            // An error here is a fault that was asked for, or the client's going away.
            let _ = front.converse(stream).await;
        }
    });
}

struct Front<S> {
    service: Arc<S>,
    faults: Faults,
    tls: Option<Tls>,
    tasks: Tasks,
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends here")]
struct Cut;

type Answer = Response<BoxBody<Bytes, std::convert::Infallible>>;

impl<S: Service> Front<S> {
    async fn converse(self: Arc<Self>, stream: TcpStream) -> io::Result<()> {
        // A second handle on the same socket, to say how it is to be closed while hyper owns the
        // first.
        let stream = stream.into_std()?;
        let socket = Arc::new(stream.try_clone()?);
        let stream = TcpStream::from_std(stream)?;
        let broken = self.faults.connection();
        tokio::select! {
            ended = self.serve(stream, socket, broken.clone()) => ended,
            () = closed(broken) => Ok(()),
        }
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        socket: Arc<std::net::TcpStream>,
        broken: watch::Receiver<Option<Break>>,
    ) -> io::Result<()> {
        let tls = self.tls.clone();
        let service = service_fn(move |request| {
            let (front, socket, broken) = (self.clone(), socket.clone(), broken.clone());
            async move {
                if *broken.borrow() == Some(Break::Silence) {
                    std::future::pending::<()>().await;
                }
                front.meet(request, &socket).await
            }
        });
        let http = http1::Builder::new();
        match tls {
            None => http.serve_connection(TokioIo::new(stream), service).await,
            Some(tls) => {
                let stream = TokioIo::new(tls.accept(stream).await?);
                http.serve_connection(stream, service).await
            }
        }
        .map_err(io::Error::other)
    }

    async fn meet(
        self: Arc<Self>,
        request: Request<Incoming>,
        socket: &std::net::TcpStream,
    ) -> Result<Answer, Cut> {
        if request.method() == Method::GET && request.uri().path() == "/" {
            // DynamoDB's health check: it asks nothing of the service, so it is neither counted nor
            // takes a fault.
            let host = request.headers().get(HOST);
            let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
            return Ok(whole(Response::new(format!("healthy: {host}").into())));
        }
        let fault = self.faults.meet(operation(request.headers()));
        let request = read(request).await?;
        let Some(fault) = fault else {
            return Ok(whole(self.work(request).await?));
        };
        match fault {
            Fault::Refuse => Err(Cut),
            Fault::ResetBefore => Err(reset(socket)),
            Fault::ResetAfter => {
                self.work(request).await?;
                Err(reset(socket))
            }
            Fault::BreakOff => {
                let answer = self.work(request).await?;
                let half = 0..answer.body().len() / 2;
                Ok(self.in_pieces(answer, iter::once(half), Duration::from_millis(10)))
            }
            Fault::StallBefore(stall) => {
                tokio::time::sleep(stall).await;
                Ok(whole(self.work(request).await?))
            }
            Fault::StallAfter(stall) => {
                let answer = self.work(request).await?;
                tokio::time::sleep(stall).await;
                Ok(whole(answer))
            }
            Fault::Late(delay) => Ok(whole(self.work_after(delay, request).await?)),
            Fault::Status(status, kind) => Ok(whole(error_answer::<S>(status, &kind))),
            Fault::Throttle => Ok(whole(error_answer::<S>(400, S::THROTTLED))),
            Fault::Malformed => Ok(whole(answer::<S>(StatusCode::OK, "{\"not\": json"))),
            Fault::Trickle(pause) => {
                let answer = self.work(request).await?;
                let bytes = (0..answer.body().len()).map(|at| at..at + 1);
                Ok(self.in_pieces(answer, bytes, pause))
            }
        }
    }

    /// Has the work done by a task of its own: as at AWS, a client that goes away does not undo
    /// what it has sent.
    async fn work(self: &Arc<Self>, request: Request<Bytes>) -> Result<Response<Bytes>, Cut> {
        self.work_after(Duration::ZERO, request).await
    }

    async fn work_after(
        self: &Arc<Self>,
        delay: Duration,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Cut> {
        let front = self.clone();
        let (done, answer) = tokio::sync::oneshot::channel();
        self.tasks.spawn(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            // Nobody may be waiting for it any more.
            let _ = done.send(front.service.answer(request).await);
        });
        answer.await.map_err(|_| Cut)
    }

    /// Pieces of the answer's body, each after a pause. The connection ends where some are missing.
    fn in_pieces(
        &self,
        answer: Response<Bytes>,
        pieces: impl Iterator<Item = Range<usize>> + Send + 'static,
        pause: Duration,
    ) -> Answer {
        let (mut parts, body) = answer.into_parts();
        parts.headers.insert(CONTENT_LENGTH, body.len().into());
        let (mut sender, sent) = Channel::new(1);
        self.tasks.spawn(async move {
            for piece in pieces {
                tokio::time::sleep(pause).await;
                if sender.send_data(body.slice(piece)).await.is_err() {
                    return;
                }
            }
            // Until the last piece is on its way.
            tokio::time::sleep(pause).await;
        });
        Response::from_parts(parts, sent.boxed())
    }
}

/// `PutItem` from `X-Amz-Target: DynamoDB_20120810.PutItem`.
pub(crate) fn operation(headers: &HeaderMap) -> Option<&str> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    target
        .rsplit_once('.')
        .map(|(_service, operation)| operation)
}

/// An answer of this media type, with a request id as AWS gives it.
pub(crate) fn answer<S: Service>(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(S::MEDIA_TYPE));
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    answer
}

fn error_answer<S: Service>(status: u16, kind: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body =
        serde_json::json!({ "__type": kind, "message": "a fault that the sandbox was asked for" });
    let mut answer = answer::<S>(status, body.to_string());
    if let Ok(kind) = HeaderValue::from_str(kind) {
        answer.headers_mut().insert("x-amzn-errortype", kind);
    }
    answer
}

fn whole(answer: Response<Bytes>) -> Answer {
    answer.map(|body| Full::new(body).boxed())
}

async fn read(request: Request<Incoming>) -> Result<Request<Bytes>, Cut> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
    Ok(Request::from_parts(
        parts,
        body.map_err(|_| Cut)?.to_bytes(),
    ))
}

/// Waits until the connection is to be closed, which may be never.
async fn closed(mut connection: watch::Receiver<Option<Break>>) {
    let closed = connection.wait_for(|how| *how == Some(Break::Close));
    if closed.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Makes the close that follows a reset: with a linger of zero the system sends RST instead of FIN.
fn reset(socket: &std::net::TcpStream) -> Cut {
    // Where this fails the connection is closed all the same, only less rudely.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
    Cut
}

#[cfg(test)]
mod tests;
