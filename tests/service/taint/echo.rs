//! Something in AWS's place that sends back whatever it was sent, and more: the worst that an
//! answer can hold.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// A way to answer, from all that is to be echoed.
pub(super) type Manner = fn(&str) -> Vec<u8>;

/// Every way for an answer to go wrong with somebody's secrets in it.
pub(super) const MANNERS: [(&str, Manner); 15] = [
    ("access denied, in the message", |echo| {
        error(400, "AccessDeniedException", echo)
    }),
    ("validation, in the message", |echo| {
        error(
            400,
            "com.amazonaws.dynamodb.v20120810#ValidationException",
            echo,
        )
    }),
    ("throttled, in the message", |echo| {
        error(400, "ThrottlingException", echo)
    }),
    ("down, in the message", |echo| {
        error(500, "InternalServerError", echo)
    }),
    ("as the code", |echo| error(400, echo, "no")),
    ("each word as the code", |echo| {
        // The first is an account number.
        error(400, echo.split(' ').next().unwrap_or_default(), "no")
    }),
    ("as the code in a header", |echo| {
        let code: String = echo
            .chars()
            .filter(char::is_ascii_graphic)
            .take(4000)
            .collect();
        raw(400, &format!("x-amzn-errortype: {code}\r\n"), b"{}")
    }),
    ("no JSON", |echo| raw(200, "", echo.as_bytes())),
    ("no JSON, denied", |echo| raw(403, "", echo.as_bytes())),
    ("JSON that breaks off", |echo| {
        let body = json!({ "message": echo }).to_string();
        raw(200, "", &body.as_bytes()[..body.len() - 1])
    }),
    ("another operation's answer", |echo| {
        let binary = STANDARD.encode(echo);
        let body = json!({ "Attributes": echo, "SecretBinary": binary, "Name": echo });
        raw(200, "", body.to_string().as_bytes())
    }),
    ("an item that is no record", |echo| {
        let item = json!({ "pk": { "S": echo }, "jti": { "S": echo }, "status": { "S": echo },
            "expireAt": { "N": "7350918264095173846" }, "sealedBy": { "S": echo },
            "fingerprint": { "S": echo }, "sealed": { "B": STANDARD.encode(echo) } });
        conditional(item)
    }),
    ("an item that is a record of a stranger", |echo| {
        let item = json!({ "pk": { "S": echo }, "jti": { "S": echo }, "status": { "S": echo },
            "expireAt": { "N": "1" }, "sealedBy": { "S": "canary-record-1" },
            "fingerprint": { "B": STANDARD.encode(echo) }, "sealed": { "B": STANDARD.encode(echo) } });
        conditional(item)
    }),
    ("no HTTP", |echo| {
        let line: String = echo.chars().filter(|c| !c.is_control()).collect();
        format!("HTTP/9.9 {line}\r\n\r\n").into_bytes()
    }),
    ("a body that breaks off", |echo| {
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n".to_vec();
        answer.extend_from_slice(echo.as_bytes());
        answer
    }),
];

fn error(status: u16, kind: &str, message: &str) -> Vec<u8> {
    let body = json!({ "__type": kind, "message": message, "Message": message });
    raw(status, "", body.to_string().as_bytes())
}

fn conditional(item: Value) -> Vec<u8> {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let body = json!({ "__type": kind, "message": "no", "Item": item });
    raw(400, "", body.to_string().as_bytes())
}

fn raw(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.0\r\n{headers}content-length: {length}\r\n\r\n"
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A server of one manner at a time. Ends with the test.
pub(super) struct Echo {
    url: String,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

struct State {
    manner: Manner,
    also: String,
    requests: u64,
}

impl Echo {
    /// `also` comes in front of each echo.
    pub(super) async fn start(manner: Manner, also: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            manner,
            also: also.to_owned(),
            requests: 0,
        }));
        let served = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, served.clone()));
            }
        });
        Self {
            url,
            state,
            task: task.abort_handle(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn answer_by(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// How many requests it has had.
    pub(super) fn requests(&self) -> u64 {
        self.state().requests
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request a connection: the answer ends with it.
async fn converse(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut received = Vec::new();
    while !is_whole(&received) {
        match stream.read_buf(&mut received).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        let echo = format!("{} {}", state.also, String::from_utf8_lossy(&received));
        (state.manner)(&echo)
    };
    // A client that has gone away needs none.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    received.len() >= head.len() + 4 + length
}
