//! Connections, each within its limits: axum's own server has neither a time limit for headers nor one for a
//! connection, so hyper is driven here.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What one peer, and all together, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; further ones wait in the listener's backlog.
    pub connections_max: usize,
    /// The most bytes that are read for a request line with its headers, at least 8192; 431 beyond.
    pub header_bytes_max: usize,
    /// The most headers in a request; 431 beyond.
    pub headers_max: usize,
    /// How long a request's headers may take from the connection's start, or from the last answer.
    pub header_time: Duration,
    /// How long a connection may last; an answer under way then has [`Limits::farewell_time`] left.
    pub connection_time: Duration,
    /// How long answers under way may take once the connection, or the switch, ends.
    pub farewell_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 64,
            header_bytes_max: 16 * 1024,
            headers_max: 64,
            header_time: Duration::from_secs(10),
            connection_time: Duration::from_secs(300),
            farewell_time: Duration::from_secs(2),
        }
    }
}

/// Accepts and answers until `stop` completes.
pub(crate) async fn answer(
    limits: Limits,
    listener: TcpListener,
    doors: Router,
    stop: impl Future<Output = ()> + Send,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let (leaving, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        // Forgets connections that are over, so that the set holds no more than there are places.
        while connections.try_join_next().is_some() {}
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            () = &mut stop => break,
            (place, accepted) = accepted => match accepted {
                Ok((stream, _peer)) => (place, stream),
                Err(fault) => {
                    tracing::warn!(%fault, "admin connection could not be accepted");
                    sleep(PAUSE_AFTER_FAULT).await;
                    continue;
                }
            },
        };
        let (doors, leaving) = (doors.clone(), leaving.subscribe());
        connections.spawn(async move {
            converse(limits, stream, doors, leaving).await;
            drop(place);
        });
    }
    drop(listener);
    let _ = leaving.send(true);
    let _ = timeout(limits.farewell_time, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}

/// One connection, from its first request to its last.
async fn converse(limits: Limits, stream: TcpStream, doors: Router, mut leaving: watch::Receiver<bool>) {
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_time)
            .max_headers(limits.headers_max)
            .max_buf_size(limits.header_bytes_max.max(8192))
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(doors))
    );
    tokio::select! {
        over = connection.as_mut() => return note(over),
        () = sleep(limits.connection_time) => {}
        _ = leaving.wait_for(|leaving| *leaving) => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(over) = timeout(limits.farewell_time, connection).await {
        note(over);
    }
}

/// A peer that breaks off or speaks no HTTP is everyday business here.
fn note(over: Result<(), hyper::Error>) {
    if let Err(fault) = over {
        tracing::debug!(%fault, "admin connection ended early");
    }
}

/// Lets a shortage of descriptors pass instead of spinning on it.
const PAUSE_AFTER_FAULT: Duration = Duration::from_millis(100);
