//! Listening on 127.0.0.1, and plain HTTP/1.1 on what is accepted there.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::tasks::Tasks;

/// Nothing can be listened to.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The port that was asked for is in use.
    #[error("port {0} of 127.0.0.1 is taken: end what listens there, or ask for another port")]
    PortTaken(u16),
    /// The system has no socket for us.
    #[error("cannot listen on 127.0.0.1")]
    NoSocket(#[from] io::Error),
}

/// Listens on `port` of 127.0.0.1, or on any free one.
pub(crate) async fn listen(port: Option<u16>) -> Result<(TcpListener, SocketAddr), ListenError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await;
    let listener = bound.map_err(|error| match port {
        Some(port) if error.kind() == io::ErrorKind::AddrInUse => ListenError::PortTaken(port),
        _ => ListenError::NoSocket(error),
    })?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Gives each connection that comes in to a task of its own.
pub(crate) fn accept<C, F>(tasks: &Tasks, listener: TcpListener, connection: C)
where
    C: Fn(TcpStream, SocketAddr) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let connections = tasks.clone();
    tasks.spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => connections.spawn(connection(stream, peer)),
                // Out of file descriptors, most likely: others have to close first.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
}

/// Answers every HTTP request that comes in with `answer`.
pub(crate) fn serve<A, F, B>(tasks: &Tasks, listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Error = Infallible> + Send + 'static,
    B::Data: Send,
{
    accept(tasks, listener, move |stream, peer| {
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answered = answer(request, peer);
            async move { Ok::<_, Infallible>(answered.await) }
        });
        async move {
            // An error here is the client's going away, which is its own business.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_the_port_that_is_taken() {
        let (_taken, address) = listen(None).await.unwrap();

        let error = listen(Some(address.port())).await.unwrap_err();

        assert!(
            error
                .to_string()
                .contains(&format!("port {}", address.port()))
        );
    }

    #[tokio::test]
    async fn listens_on_loopback_only() {
        let (_listener, address) = listen(None).await.unwrap();
        assert!(address.ip().is_loopback());
    }
}
