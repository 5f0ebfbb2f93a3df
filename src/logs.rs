//! JSON lines on standard output, for CloudWatch.

use std::{
    fmt, io,
    panic::{self, PanicHookInfo},
};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{Format, Json, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{clock::Clock, metrics::Declaration};

/// Starts logging. Only this crate speaks below ERROR: at TRACE the runtime logs whole payloads,
/// and the SDK whole answers of Secrets Manager. No variable can change that.
///
/// `clock` tells the metrics' time.
pub fn init(clock: Clock) {
    // Fails only if a subscriber is set already; this is called once.
    let _ = tracing_subscriber::registry()
        .with(lines(clock, io::stdout))
        .try_init();
    panic::set_hook(Box::new(log_panic));
}

/// Logs where a panic happened. Its message is left out: it may quote what the code was given.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, "panicked");
}

fn lines<S, W>(clock: Clock, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    let targets = Targets::new()
        .with_target("token_service", LevelFilter::INFO)
        .with_default(LevelFilter::ERROR);
    tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .map_event_format(|json| Line { json, clock })
        .with_filter(targets)
}

/// An event as one line of JSON, with the `_aws` member that makes metrics of it.
struct Line {
    json: Format<Json>,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.json
            .format_event(context, Writer::new(&mut line), event)?;
        // tracing's own JSON has no nested values, so this one is put into the finished object.
        let metrics = Declaration::of(event, self.clock.now());
        match (line.strip_suffix("}\n"), metrics) {
            (Some(members), Some(metrics)) => {
                let metrics = serde_json::to_string(&metrics).map_err(|_| fmt::Error)?;
                writeln!(writer, "{members},\"_aws\":{metrics}}}")
            }
            _ => writer.write_str(&line),
        }
    }
}

#[cfg(test)]
mod tests;
