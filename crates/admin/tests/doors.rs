//! What a client sees, on real sockets of the loopback.
#![cfg(test)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use admin::Limits;
use call_model::CallEvent;
use metrics::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[tokio::test]
async fn metrics_are_served_as_openmetrics_text() {
    let switch = Switch::start(Limits::default()).await;
    switch.metrics.observe(&CallEvent::Offered);
    let answer = switch
        .ask("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    assert!(answer.contains("\nringfence_calls_offered_total 1\n"), "{answer}");
    assert!(answer.ends_with("# EOF\n"));
}

#[tokio::test]
async fn health_is_always_good_and_readiness_follows_the_switch() {
    let switch = Switch::start(Limits::default()).await;
    let ready = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(switch.ask(ready).await.starts_with("HTTP/1.1 503 "));
    switch.ready.store(true, Ordering::Relaxed);
    assert!(switch.ask(ready).await.starts_with("HTTP/1.1 200 "));
    let health = switch
        .ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(
        health.starts_with("HTTP/1.1 200 ") && health.ends_with("\r\n\r\nok\n"),
        "{health}"
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let switch = Switch::start(Limits::default()).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"),
        (
            "GET /metrics/../etc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "404",
        ),
        (
            "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "405",
        ),
        ("INVITE sip:a@example.com SIP/2.0\r\n\r\n", "400"),
    ] {
        let answer = switch.ask(request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request} {answer}"
        );
    }
}

#[tokio::test]
async fn several_requests_share_a_connection() {
    let switch = Switch::start(Limits::default()).await;
    let answers = switch
        .ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2, "{answers}");
}

#[tokio::test]
async fn headers_beyond_their_limits_are_refused() {
    let switch = Switch::start(Limits::default()).await;
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "a".repeat(20_000)
    );
    assert!(switch.ask(&long).await.starts_with("HTTP/1.1 431 "));
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "X: a\r\n".repeat(100));
    assert!(switch.ask(&many).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn client_that_does_not_finish_its_headers_is_cut_off() {
    let limits = Limits {
        header_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let switch = Switch::start(limits).await;
    let answer = switch.ask("GET /healthz HTTP/1.1\r\nHost:").await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn connection_is_closed_once_its_time_is_over() {
    let limits = Limits {
        connection_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let switch = Switch::start(limits).await;
    let answer = switch.ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn connection_beyond_the_limit_waits_until_another_ends() {
    let switch = Switch::start(Limits {
        connections_max: 1,
        ..Limits::default()
    })
    .await;
    let mut first = TcpStream::connect(switch.address).await.unwrap();
    first
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();

    let mut second = TcpStream::connect(switch.address).await.unwrap();
    second
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(
        timeout(Duration::from_millis(50), second.read_exact(&mut byte))
            .await
            .is_err()
    );
    drop(first);
    let mut answer = String::new();
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn stop_closes_the_door_and_idle_connections_at_once() {
    let mut switch = Switch::start(Limits::default()).await;
    let mut idle = TcpStream::connect(switch.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    idle.read_exact(&mut byte).await.unwrap();

    drop(switch.stop.take());
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    (&mut switch.served).await.unwrap();
    assert!(TcpStream::connect(switch.address).await.is_err());
}

/// Doors on a free port, closed when dropped.
struct Switch {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    ready: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl Switch {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (metrics, ready) = (Arc::new(Metrics::new()), Arc::new(AtomicBool::new(false)));
        let (stop, stopped) = oneshot::channel::<()>();
        let (shown, asked) = (Arc::clone(&metrics), Arc::clone(&ready));
        let served = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            admin::serve_within(
                limits,
                listener,
                shown,
                move || asked.load(Ordering::Relaxed),
                stopped,
            )
            .await;
        });
        Self {
            address,
            metrics,
            ready,
            stop: Some(stop),
            served,
        }
    }

    /// Sends bytes as they are, and reads until the connection ends.
    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer, for a request that was not read to its end, takes nothing from it.
        let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
            .await
            .unwrap();
        String::from_utf8(answer).unwrap()
    }
}
