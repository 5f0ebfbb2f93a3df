//! Each fault as a client meets it on its socket.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Answers with the body that it got, and counts.
#[derive(Default)]
struct Echo(AtomicUsize);

impl Echo {
    fn answered(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Service for Echo {
    const THROTTLED: &'static str = "SlowDown";
    const MEDIA_TYPE: &'static str = "application/x-amz-json-1.1";

    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.0.fetch_add(1, Ordering::SeqCst);
        answer::<Self>(StatusCode::OK, request.into_body())
    }
}

struct Scene {
    echo: Arc<Echo>,
    faults: Faults,
    address: SocketAddr,
    _tasks: Tasks,
}

async fn scene(fault: Fault) -> Scene {
    let (listener, address) = listen::listen(None).await.unwrap();
    let (tasks, echo, faults) = (Tasks::default(), Arc::<Echo>::default(), Faults::default());
    faults.push(fault);
    open(&tasks, listener, echo.clone(), faults.clone(), None);
    Scene {
        echo,
        faults,
        address,
        _tasks: tasks,
    }
}

impl Scene {
    async fn send(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = "POST / HTTP/1.1\r\nHost: echo\r\nConnection: close\r\nX-Amz-Target: Echo_1.Say\r\n\
                       Content-Length: 5\r\n\r\nhello";
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// All that comes until the connection is closed.
    async fn exchange(&self) -> io::Result<String> {
        let mut answer = String::new();
        self.send().await.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waiting)
        .await
        .expect("the condition holds within 5 s");
}

#[tokio::test]
async fn without_a_fault_the_service_answers() {
    let scene = scene(Fault::Refuse).await;
    scene.exchange().await.unwrap();

    let answer = scene.exchange().await.unwrap();

    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("hello"),
        "{answer}"
    );
    assert_eq!(scene.faults.requests(), 2);
    assert_eq!(scene.faults.requests_of("Say"), 2);
}

#[tokio::test]
async fn refuse_closes_without_a_word() {
    let scene = scene(Fault::Refuse).await;
    assert_eq!(scene.exchange().await.unwrap(), "");
    assert_eq!(scene.echo.answered(), 0);
}

#[tokio::test]
async fn reset_before_resets_and_does_nothing() {
    let scene = scene(Fault::ResetBefore).await;
    let error = scene.exchange().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(scene.echo.answered(), 0);
}

#[tokio::test]
async fn reset_after_resets_what_was_done() {
    let scene = scene(Fault::ResetAfter).await;
    let error = scene.exchange().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(scene.echo.answered(), 1);
}

#[tokio::test]
async fn stall_before_does_the_work_late() {
    let stall = Duration::from_millis(100);
    let scene = scene(Fault::StallBefore(stall)).await;
    let start = Instant::now();

    let answer = scene.exchange().await.unwrap();

    assert!(start.elapsed() >= stall && answer.ends_with("hello"));
}

#[tokio::test]
async fn stall_before_does_nothing_for_a_client_that_gave_up() {
    let stall = Duration::from_millis(100);
    let scene = scene(Fault::StallBefore(stall)).await;
    let client = scene.send().await;
    until(|| scene.faults.requests() == 1).await;

    drop(client);

    // Longer than the stall, after which the work would have been done.
    tokio::time::sleep(stall * 3).await;
    assert_eq!(scene.echo.answered(), 0);
}

#[tokio::test]
async fn stall_after_does_the_work_at_once_and_answers_late() {
    let stall = Duration::from_secs(1);
    let scene = scene(Fault::StallAfter(stall)).await;
    let start = Instant::now();
    let mut client = scene.send().await;

    until(|| scene.echo.answered() == 1).await;
    assert!(start.elapsed() < stall);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();

    assert!(start.elapsed() >= stall && answer.ends_with("hello"));
}

#[tokio::test]
async fn status_and_throttle_are_aws_errors() {
    let scene = scene(Fault::status(503, "ServiceUnavailable")).await;
    scene.faults.push(Fault::Throttle);

    let unavailable = scene.exchange().await.unwrap();
    let throttled = scene.exchange().await.unwrap();

    assert!(unavailable.starts_with("HTTP/1.1 503 "));
    assert!(unavailable.contains(r#""__type":"ServiceUnavailable""#));
    assert!(throttled.starts_with("HTTP/1.1 400 "));
    assert!(throttled.contains(r#""__type":"SlowDown""#));
    assert_eq!(scene.echo.answered(), 0);
}

#[tokio::test]
async fn malformed_is_200_and_no_json() {
    let scene = scene(Fault::Malformed).await;
    let answer = scene.exchange().await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"));
    assert!(serde_json::from_str::<serde_json::Value>(body).is_err());
}

#[tokio::test]
async fn break_off_sends_half_of_the_answer() {
    let scene = scene(Fault::BreakOff).await;
    let answer = scene.exchange().await.unwrap();
    assert!(
        answer.contains("content-length: 5") && answer.ends_with("\r\n\r\nhe"),
        "{answer}"
    );
    assert_eq!(scene.echo.answered(), 1);
}

#[tokio::test]
async fn trickle_sends_a_byte_at_a_time() {
    let scene = scene(Fault::Trickle(Duration::from_millis(30))).await;
    let start = Instant::now();

    let answer = scene.exchange().await.unwrap();

    assert!(
        answer.contains("content-length: 5") && answer.ends_with("hello"),
        "{answer}"
    );
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn late_work_is_done_after_its_client_has_gone() {
    let scene = scene(Fault::Late(Duration::from_millis(200))).await;
    let client = scene.send().await;
    until(|| scene.faults.requests() == 1).await;
    // Read to its end, and not yet done.
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(client);
    assert_eq!(scene.echo.answered(), 0);
    until(|| scene.echo.answered() == 1).await;
}

/// A connection that has had an answer and stays open.
async fn kept_alive(scene: &Scene) -> TcpStream {
    let mut stream = TcpStream::connect(scene.address).await.unwrap();
    ask(&mut stream).await;
    let mut answer = vec![0; 1024];
    assert_ne!(stream.read(&mut answer).await.unwrap(), 0);
    stream
}

async fn ask(stream: &mut TcpStream) {
    let request = "POST / HTTP/1.1\r\nHost: echo\r\nContent-Length: 2\r\n\r\nhi";
    stream.write_all(request.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn open_connections_are_closed_and_new_ones_are_not() {
    let scene = scene(Fault::StallBefore(Duration::ZERO)).await;
    let mut idle = kept_alive(&scene).await;
    scene.faults.break_connections(Break::Close);
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
    kept_alive(&scene).await;
}

#[tokio::test]
async fn silenced_connections_stay_open_and_are_not_heard() {
    let scene = scene(Fault::StallBefore(Duration::ZERO)).await;
    let mut idle = kept_alive(&scene).await;
    scene.faults.break_connections(Break::Silence);
    ask(&mut idle).await;
    // The new one is answered meanwhile, the old one is not.
    kept_alive(&scene).await;
    let mut nothing = [0; 16];
    let read = tokio::time::timeout(Duration::from_millis(100), idle.read(&mut nothing));
    assert!(read.await.is_err());
    assert_eq!(scene.faults.requests(), 2);
}

#[tokio::test]
async fn a_health_check_is_answered_and_meets_no_fault() {
    let scene = scene(Fault::Refuse).await;
    let mut stream = TcpStream::connect(scene.address).await.unwrap();
    let check = "GET / HTTP/1.1\r\nHost: echo\r\nConnection: close\r\n\r\n";
    stream.write_all(check.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("healthy: echo"),
        "{answer}"
    );
    assert_eq!((scene.faults.requests(), scene.echo.answered()), (0, 0));
    assert_eq!(scene.faults.clear(), [Fault::Refuse]);
}

#[tokio::test]
async fn counts_connections_and_not_what_is_asked_on_them() {
    let scene = scene(Fault::StallBefore(Duration::ZERO)).await;
    assert_eq!(scene.faults.connections_opened(), 0);
    let mut first = kept_alive(&scene).await;
    ask(&mut first).await;
    until(|| scene.faults.requests() == 2).await;
    assert_eq!(scene.faults.connections_opened(), 1);
    kept_alive(&scene).await;
    assert_eq!(scene.faults.connections_opened(), 2);
}
