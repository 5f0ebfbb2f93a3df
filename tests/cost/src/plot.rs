//! The plot of latency by load.

use std::{path::Path, thread::available_parallelism, time::Duration};

use plotters::prelude::*;

use crate::table::{millis, quantile};

const SIZE: (u32, u32) = (800, 480);

const LINES: [(f64, &str, RGBColor); 3] = [
    (0.5, "p50", RGBColor(0, 90, 181)),
    (0.95, "p95", RGBColor(230, 145, 0)),
    (0.99, "p99", RGBColor(190, 30, 60)),
];

/// What came of one rate.
pub(crate) struct Step {
    pub(crate) offered: u32,
    /// 200s a second, until the last.
    pub(crate) achieved: f64,
    /// Of the 200s, from when a request was to be sent.
    pub(crate) latencies: Vec<Duration>,
    /// Other answers, and none.
    pub(crate) others: usize,
    pub(crate) instances: usize,
}

/// Why there is no plot.
#[derive(Debug, thiserror::Error)]
#[error("the plot cannot be written: {0}")]
pub(crate) struct PlotError(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// Writes it as SVG: offered rates to the right, latencies up in powers of ten.
pub(crate) fn write(file: &Path, steps: &[Step]) -> Result<(), PlotError> {
    let steps: Vec<&Step> = steps
        .iter()
        .filter(|step| !step.latencies.is_empty())
        .collect();
    let points = |q| {
        let at = move |step: &&Step| {
            (
                f64::from(step.offered),
                millis(quantile(&step.latencies, q)),
            )
        };
        steps.iter().map(at).collect::<Vec<(f64, f64)>>()
    };
    let most = steps
        .iter()
        .map(|step| f64::from(step.offered))
        .fold(1.0, f64::max);
    let (least_ms, most_ms) = powers_of_ten(
        LINES
            .iter()
            .flat_map(|(q, ..)| points(*q))
            .map(|(_, ms)| ms),
    );

    let cores = available_parallelism().map_or(0, usize::from);
    let title =
        format!("token-service in the sandbox: latency by load, all of it on {cores} cores");
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..most * 1.05, (least_ms..most_ms).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("offered, requests a second")
        .y_desc("latency, ms")
        .x_label_formatter(&|rate| format!("{rate:.0}"))
        .y_label_formatter(&|ms| format!("{ms}"))
        .label_style(("sans-serif", 14))
        .light_line_style(BLACK.mix(0.06))
        .draw()?;
    for (q, name, colour) in LINES {
        let points = points(q);
        chart.draw_series(
            points
                .iter()
                .map(|point| Circle::new(*point, 3, colour.filled())),
        )?;
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 14))
        .draw()?;
    area.present()?;
    Ok(())
}

/// The powers of ten around all values.
fn powers_of_ten(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    (
        10_f64.powf(least.log10().floor()),
        10_f64.powf(most.log10().ceil()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_whole_powers_of_ten_around_the_values() {
        assert_eq!(powers_of_ten([2.5, 40.0].into_iter()), (1.0, 100.0));
        assert_eq!(powers_of_ten([0.3, 101.0].into_iter()), (0.1, 1000.0));
    }

    #[test]
    fn the_plot_says_what_it_shows() {
        let latencies = vec![Duration::from_millis(3), Duration::from_millis(50)];
        let steps = [50, 100].map(|offered| Step {
            offered,
            achieved: offered.into(),
            latencies: latencies.clone(),
            others: 0,
            instances: 1,
        });
        let file = std::env::temp_dir().join(format!("latency-{}.svg", std::process::id()));
        write(&file, &steps).unwrap();
        let svg = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        for text in [
            "p50",
            "p95",
            "p99",
            "latency, ms",
            "offered, requests a second",
            "cores",
        ] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
