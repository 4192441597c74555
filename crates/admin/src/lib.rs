//! HTTP doors over the rooms above.
//!
//! `GET /metrics` (OpenMetrics text), `GET /healthz` (the process answers), `GET /readyz` (calls are taken: 200, else
//! 503). There is no authentication yet: the address belongs on a management network.

mod connections;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use metrics::Metrics;
use tokio::net::TcpListener;

pub use connections::Limits;

/// Answers HTTP on `listener` until `stop` completes, then lets answers under way finish for a moment.
///
/// `ready` is asked for each `GET /readyz`; it must not block.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    ready: impl Fn() -> bool + Send + Sync + 'static,
    stop: impl Future<Output = ()> + Send,
) {
    serve_within(Limits::default(), listener, metrics, ready, stop).await;
}

/// [`serve`] with limits other than the usual ones.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    metrics: Arc<Metrics>,
    ready: impl Fn() -> bool + Send + Sync + 'static,
    stop: impl Future<Output = ()> + Send,
) {
    connections::answer(limits, listener, doors(metrics, ready), stop).await;
}

fn doors(metrics: Arc<Metrics>, ready: impl Fn() -> bool + Send + Sync + 'static) -> Router {
    let ready = Arc::new(ready);
    Router::new()
        .route(
            "/metrics",
            get(async move || ([(header::CONTENT_TYPE, OPENMETRICS)], metrics.render())),
        )
        .route("/healthz", get(async || "ok\n"))
        .route(
            "/readyz",
            get(async move || match ready() {
                true => (StatusCode::OK, "ready\n"),
                false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            }),
        )
}

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
