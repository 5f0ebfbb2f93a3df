//! The Lambda Runtime API, DynamoDB and Secrets Manager on one socket, as little of each as a
//! benchmark needs: every call is answered at once, and nothing is stored unless [`Table::Keeps`].
//! With TLS, the two of AWS are on a second socket.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, body::Incoming, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use sandbox::Tls;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::items::Items;

/// The texts of the two secrets, by what their ids end with.
pub(crate) struct SecretTexts {
    pub(crate) api_keys: String,
    pub(crate) server_keys: String,
}

/// DynamoDB's table.
#[derive(Clone, Copy)]
pub(crate) enum Table<'a> {
    /// These items, whatever is written: each item that is put is new.
    Holds(&'a [Value]),
    /// What is written.
    Keeps,
    /// That of a DynamoDB with this URL.
    At(&'a str),
}

/// One call of `/invocation/next`, which waits for its event.
pub(crate) struct Poll {
    pub(crate) at: Instant,
    pub(crate) event: oneshot::Sender<Event>,
}

/// What it gets.
#[derive(Clone, Default)]
pub(crate) struct Event {
    pub(crate) payload: Bytes,
    /// Until the invocation's deadline.
    pub(crate) time_left: Duration,
}

/// What came back for an event.
pub(crate) struct Answer {
    pub(crate) at: Instant,
    pub(crate) payload: Bytes,
    pub(crate) failed: bool,
}

/// Calls of AWS and bytes of their bodies, since the start.
#[derive(Clone, Copy, Default)]
pub(crate) struct Calls {
    pub(crate) dynamodb: u64,
    pub(crate) secrets_manager: u64,
    pub(crate) bytes: u64,
}

#[derive(Default)]
struct Counters {
    dynamodb: AtomicU64,
    secrets_manager: AtomicU64,
    bytes: AtomicU64,
}

struct Shared {
    secrets: SecretTexts,
    items: Mutex<Items>,
    /// Whether what is written stays.
    keeps: bool,
    counters: Counters,
    polls: mpsc::UnboundedSender<Poll>,
    answers: mpsc::UnboundedSender<Answer>,
}

/// What one process stands on. Ends with it.
pub(crate) struct Stub {
    /// The Runtime API's.
    pub(crate) address: SocketAddr,
    pub(crate) dynamodb: String,
    pub(crate) secrets_manager: String,
    pub(crate) polls: mpsc::UnboundedReceiver<Poll>,
    pub(crate) answers: mpsc::UnboundedReceiver<Answer>,
    shared: Arc<Shared>,
    accepting: Vec<JoinHandle<()>>,
}

impl Stub {
    pub(crate) async fn start(
        secrets: SecretTexts,
        table: Table<'_>,
        tls: Option<Tls>,
    ) -> io::Result<Self> {
        let (listener, address) = listen().await?;
        let (polls_in, polls) = mpsc::unbounded_channel();
        let (answers_in, answers) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            secrets,
            items: Mutex::new(Items::of(match table {
                Table::Holds(items) => items,
                Table::Keeps | Table::At(_) => &[],
            })),
            keeps: matches!(table, Table::Keeps),
            counters: Counters::default(),
            polls: polls_in,
            answers: answers_in,
        });
        let mut accepting = vec![tokio::spawn(accept(listener, None, Arc::clone(&shared)))];
        let mut aws = format!("http://{address}");
        if tls.is_some() {
            let (listener, address) = listen().await?;
            accepting.push(tokio::spawn(accept(listener, tls, Arc::clone(&shared))));
            aws = format!("https://localhost:{}", address.port());
        }
        let dynamodb = match table {
            Table::Holds(_) | Table::Keeps => aws.clone(),
            Table::At(url) => url.to_owned(),
        };
        Ok(Self {
            address,
            dynamodb,
            secrets_manager: aws,
            polls,
            answers,
            shared,
            accepting,
        })
    }

    pub(crate) fn calls(&self) -> Calls {
        let Counters {
            dynamodb,
            secrets_manager,
            bytes,
        } = &self.shared.counters;
        let [dynamodb, secrets_manager, bytes] =
            [dynamodb, secrets_manager, bytes].map(|count| count.load(Ordering::Relaxed));
        Calls {
            dynamodb,
            secrets_manager,
            bytes,
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept(listener: TcpListener, tls: Option<Tls>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // As Lambda and AWS do; without it each answer may wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    // An error here is the process's going away.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        if parts.method == Method::GET && parts.uri.path().ends_with("/invocation/next") {
            return self.next().await;
        }
        let body = body.collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        match parts.uri.path() {
            // DynamoDB's health check.
            "/" if parts.method == Method::GET => status(StatusCode::OK, "healthy"),
            "/" => self.aws(&parts.headers, &body),
            path => {
                // Nobody may be waiting any more.
                let _ = self.answers.send(Answer {
                    at: Instant::now(),
                    payload: body,
                    failed: !path.ends_with("/response"),
                });
                status(StatusCode::ACCEPTED, "{}")
            }
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        let (event, delivered) = oneshot::channel();
        let poll = Poll {
            at: Instant::now(),
            event,
        };
        let _ = self.polls.send(poll);
        // Dropped where the benchmark has ended: the process is about to be killed.
        let event = delivered.await.unwrap_or_default();
        let deadline = SystemTime::now() + event.time_left;
        let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = uuid::Uuid::new_v4().to_string();
        let answer = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", id)
            .header(
                "Lambda-Runtime-Deadline-Ms",
                deadline.as_millis().to_string(),
            )
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-west-1:000000000000:function:token-service",
            )
            .header(
                "Lambda-Runtime-Trace-Id",
                "Root=1-6b055918-0123456789abcdef01234567",
            )
            .body(Full::new(event.payload));
        answer.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR, "{}"))
    }

    fn aws(&self, headers: &HeaderMap, body: &Bytes) -> Response<Full<Bytes>> {
        let target = headers.get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok()?.split_once('.'));
        let counters = &self.counters;
        let (status, answer) = match target {
            Some(("DynamoDB_20120810", call)) => {
                counters.dynamodb.fetch_add(1, Ordering::Relaxed);
                match self.dynamodb(call, body) {
                    Ok(answer) => (StatusCode::OK, answer),
                    Err(item) => (StatusCode::BAD_REQUEST, condition_failed(item)),
                }
            }
            Some(("secretsmanager", "GetSecretValue")) => {
                counters.secrets_manager.fetch_add(1, Ordering::Relaxed);
                (StatusCode::OK, self.secret(body))
            }
            _ => return self::status(StatusCode::BAD_REQUEST, "{}"),
        };
        let bytes = u64::try_from(body.len() + answer.len()).unwrap_or(u64::MAX);
        counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut response = Response::new(Full::from(answer));
        *response.status_mut() = status;
        let json = hyper::header::HeaderValue::from_static("application/x-amz-json-1.1");
        response.headers_mut().insert("Content-Type", json);
        response
    }

    /// Does a call of DynamoDB; an error is the item that fails its condition.
    fn dynamodb(&self, call: &str, body: &Bytes) -> Result<String, Option<Value>> {
        if call == "PutItem" && !self.keeps {
            return Ok("{}".to_owned());
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forgotten = items.clone();
        let items = match self.keeps {
            true => &mut *items,
            false => &mut forgotten,
        };
        match call {
            "PutItem" => items.put(&body)?,
            "UpdateItem" => items.update(&body)?,
            _ => {
                let item = items.get(&body);
                return Ok(item
                    .map_or(json!({}), |item| json!({ "Item": item }))
                    .to_string());
            }
        }
        Ok("{}".to_owned())
    }

    fn secret(&self, body: &Bytes) -> String {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let id = asked.get("SecretId").and_then(|id| id.as_str());
        let text = match id.is_some_and(|id| id.ends_with("api-keys")) {
            true => &self.secrets.api_keys,
            false => &self.secrets.server_keys,
        };
        json!({ "Name": id, "SecretString": text }).to_string()
    }
}

/// DynamoDB's answer to a write whose condition fails, with the item that failed it.
fn condition_failed(item: Option<Value>) -> String {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let mut answer = json!({ "__type": kind, "message": "failed" });
    if let (Some(item), Some(members)) = (item, answer.as_object_mut()) {
        members.insert("Item".to_owned(), item);
    }
    answer.to_string()
}

fn status(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}
