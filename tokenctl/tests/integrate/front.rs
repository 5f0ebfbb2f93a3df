//! What stands before the sandbox in a test: it goes wrong as it is told to, one step a call, and
//! counts the calls.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What happens to one call.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The service's answer.
    Pass,
    /// Closed without an answer; the service has seen nothing.
    Drop,
    /// The service has worked, then the connection is closed.
    Lose,
    /// Half of the service's answer.
    Cut,
    /// The service's answer with one character changed.
    Tamper,
    /// The answer to the call before.
    Stale,
    /// This status and body, with these header lines.
    Say(u16, &'static str, &'static str),
}

/// A listener on a free port of this machine.
pub(crate) struct Front {
    pub(crate) url: String,
    calls: Arc<Mutex<usize>>,
}

impl Front {
    /// Before `service`, `http://127.0.0.1:PORT`. Calls beyond the steps pass.
    pub(crate) fn before(service: &str, steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = service.trim_start_matches("http://").to_owned();
        let mut steps: VecDeque<Step> = steps.into_iter().collect();
        let calls = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&calls);
        // Ends with the test's process.
        thread::spawn(move || {
            let mut last = Vec::new();
            for socket in listener.incoming() {
                *counted.lock().unwrap() += 1;
                let step = steps.pop_front().unwrap_or(Step::Pass);
                serve(&mut socket.unwrap(), &service, &step, &mut last);
            }
        });
        Self { url, calls }
    }

    /// Before nothing.
    pub(crate) fn alone(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::before("127.0.0.1:1", steps)
    }

    pub(crate) fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }
}

fn serve(socket: &mut TcpStream, service: &str, step: &Step, last: &mut Vec<u8>) {
    let request = read_request(socket);
    let answer = match step {
        Step::Drop => return,
        Step::Lose => {
            forward(service, &request);
            return;
        }
        Step::Pass => forward(service, &request),
        Step::Stale => last.clone(),
        Step::Cut => {
            let answer = forward(service, &request);
            answer[..answer.len() - 100].to_vec()
        }
        Step::Tamper => {
            let mut answer = forward(service, &request);
            let at = answer.len() - 100;
            answer[at] = if answer[at] == b'A' { b'B' } else { b'A' };
            answer
        }
        Step::Say(status, headers, body) => {
            let length = body.len();
            format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
                .into_bytes()
        }
    };
    *last = answer.clone();
    let _ = socket.write_all(&answer);
}

fn read_request(socket: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(head) = request.windows(4).position(|it| it == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
            let length = text
                .lines()
                .find_map(|it| it.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |it| it.parse().unwrap());
            if request.len() >= head + 4 + length {
                return request;
            }
        }
        match socket.read(&mut chunk).unwrap() {
            0 => return request,
            read => request.extend_from_slice(&chunk[..read]),
        }
    }
}

fn forward(service: &str, request: &[u8]) -> Vec<u8> {
    let mut upstream = TcpStream::connect(service).unwrap();
    let head = request.windows(2).position(|it| it == b"\r\n").unwrap() + 2;
    upstream.write_all(&request[..head]).unwrap();
    upstream.write_all(b"connection: close\r\n").unwrap();
    upstream.write_all(&request[head..]).unwrap();
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).unwrap();
    answer
}
