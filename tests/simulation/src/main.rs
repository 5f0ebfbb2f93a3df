//! The `simulation` program: reads the command line, runs sequences, and turns what was found into
//! an exit code.

use std::{
    error::Error,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use clap::Parser;
use peers::error::with_causes;
use sandbox::Trusted;
use service_tests::clocks::Shim;
use simulation::{
    Setting,
    crew::{End, Plan, run_all},
    figures::Figures,
    noise::Noise,
    run::{Report, run},
    sequence::Sequence,
    shrink::{Failure, shrink},
};

const TELLS_EVERY: Duration = Duration::from_secs(10);

/// Random partners, faults, crashes and clocks against the real token service, and what must hold
/// all the same.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many sequences; with --replay, how often
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sequences: Option<u64>,
    /// The first sequence's seed; the others' follow it [default: another one each time]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How many sequences at once; most of their time they wait for a stall to end [default: 20 a
    /// core, fewer while the machine is busy]
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Put TLS between the function and AWS; its certificates are trusted by AWS_CA_BUNDLE
    #[arg(long)]
    tls: bool,
    /// Run the sequence of this seed, and tell each step of it
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seed", "jobs"])]
    replay: Option<u64>,
    /// How long a failing sequence is made shorter; 0 tells it as it is
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    shrink: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match begin(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("simulation: {}", with_causes(error.as_ref()));
            ExitCode::from(2)
        }
    }
}

async fn begin(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let setting = Setting {
        shim: Shim::compile()?,
        noise: Noise::listen(),
        tls: arguments.tls.then(Trusted::new).transpose()?,
    };
    if let Some(seed) = arguments.replay {
        return replay(seed, arguments.sequences.unwrap_or(1), &setting).await;
    }
    let jobs = arguments.jobs.map_or_else(default_jobs, usize::from);
    let seed = arguments.seed.unwrap_or_else(any_seed);
    let plan = Plan {
        seed,
        sequences: arguments.sequences.unwrap_or(200),
        jobs,
        tells_every: Some(TELLS_EVERY),
    };
    simulate(plan, Duration::from_secs(arguments.shrink), &setting).await
}

async fn simulate(
    plan: Plan,
    shrinking: Duration,
    setting: &Setting,
) -> Result<ExitCode, Box<dyn Error>> {
    let Plan {
        seed,
        sequences,
        jobs,
        ..
    } = plan;
    eprintln!("simulation: {sequences} sequences from seed {seed}, {jobs} at once");
    let began = Instant::now();
    let ctrl_c = async {
        // Where Ctrl-C cannot be caught, it ends the program as ever.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let ended = run_all(plan, setting, ctrl_c).await;
    let (figures, end) = ended.map_err(|(seed, broken)| Failed { seed, broken })?;
    Ok(match end {
        End::Held => {
            print(&figures, began);
            if figures.is_too_noisy() {
                println!(
                    "NOT JUDGED: nothing failed, but the machine was too busy to judge time in more than a fifth of what was sent.\n\
                     Run it again while the machine does less, or with fewer at once (--jobs)"
                );
                return Ok(ExitCode::FAILURE);
            }
            println!("all held");
            ExitCode::SUCCESS
        }
        End::Stopped { next_seed } => {
            print(&figures, began);
            let left = sequences.saturating_sub(next_seed.wrapping_sub(seed));
            let tls = tls(setting);
            println!("stopped; to go on: simulation --sequences {left} --seed {next_seed}{tls}");
            ExitCode::from(130)
        }
        End::Failed { seed, report } => {
            print(&figures, began);
            tell_failure(seed, *report, shrinking, setting).await;
            ExitCode::FAILURE
        }
    })
}

async fn tell_failure(seed: u64, report: Report, shrinking: Duration, setting: &Setting) {
    println!("\nseed {seed} does not hold:\n");
    tell(&report);
    let tls = tls(setting);
    println!("\nto replay it: simulation --replay {seed} --sequences 20{tls}");
    println!(
        "(a seed repeats what happens, not how processes interleave: it may take some runs)\n"
    );
    if shrinking.is_zero() {
        return;
    }
    eprintln!("making it shorter, for {} s at most", shrinking.as_secs());
    let failure = Failure {
        sequence: Sequence::of_seed(seed),
        report,
    };
    let shortest = shrink(failure, shrinking, setting).await;
    println!("the shortest that was found to fail:\n");
    tell(&shortest.report);
}

async fn replay(seed: u64, times: u64, setting: &Setting) -> Result<ExitCode, Box<dyn Error>> {
    for time in 1..=times {
        let report = run(&Sequence::of_seed(seed), setting).await?;
        if time == 1 || report.violation.is_some() {
            tell(&report);
        }
        if report.violation.is_some() {
            println!("\nseed {seed} does not hold, in run {time} of {times}");
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("\nseed {seed} held in {times} runs");
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, thiserror::Error)]
#[error("the sequence of seed {seed} could not be run")]
struct Failed {
    seed: u64,
    #[source]
    broken: simulation::Broken,
}

fn tell(report: &Report) {
    for line in &report.story {
        println!("  {line}");
    }
    if let Some(violation) = &report.violation {
        println!("  ✗ {violation}");
    }
}

fn print(figures: &Figures, began: Instant) {
    eprintln!();
    println!("{figures}");
    println!("wall time   {} s", began.elapsed().as_secs());
}

/// The option by which the next run has TLS, too.
fn tls(setting: &Setting) -> &'static str {
    match setting.tls {
        Some(_) => " --tls",
        None => "",
    }
}

fn default_jobs() -> usize {
    20 * std::thread::available_parallelism().map_or(1, usize::from)
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // Milliseconds: short enough to be typed, and never the same again.
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or_default()
}
