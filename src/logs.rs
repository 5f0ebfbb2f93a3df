//! JSON lines on standard output, for CloudWatch.

use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Starts logging. Only this crate speaks below ERROR: at TRACE the runtime logs whole payloads, and
/// the SDK whole answers of Secrets Manager. No variable can change that.
pub fn init() {
    let targets = Targets::new()
        .with_target("token_service", LevelFilter::INFO)
        .with_default(LevelFilter::ERROR);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_filter(targets);
    // Fails only if a subscriber is set already; this is called once.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
