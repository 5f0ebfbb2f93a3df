//! `bench`: what the function costs, beside a floor (the same crates and no work) and a peer (the
//! same job in Node.js), measured in turn in one run. Everything speaks to this process on
//! loopback.

mod attack_cost;
mod cgroup;
mod counted;
mod cryptography;
mod deployed;
mod events;
mod instructions;
mod items;
mod load;
mod measure;
mod memory;
mod plot;
mod process;
mod run;
mod scale;
mod stub;
mod table;
mod valgrind;
mod variants;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use sandbox::Trusted;

// What tests/fuzz/src/events.rs finds at the root of its own crate.
use attack_cost::{seal, service};
use events::Events;
use run::Subject;
use table::Round;

/// What the function costs.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Times, memory, calls and bytes, as ratios to the floor and to the peer, and with TLS to the
    /// same without
    Compare {
        /// The function, built with --release
        #[arg(long)]
        function: PathBuf,
        /// The floor, built with --release
        #[arg(long)]
        floor: PathBuf,
        /// The peer's bundle
        #[arg(long)]
        node: PathBuf,
        /// How often each is started
        #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..))]
        rounds: u32,
        /// How many requests each answers in a round, after as many as warm it up
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..))]
        requests: u32,
    },
    /// Instructions and allocations a start and a request, by valgrind, held against a baseline
    Instructions {
        /// The function, built with --release
        #[arg(long)]
        function: PathBuf,
        /// The floor, built with --release, to compare with
        #[arg(long)]
        floor: Option<PathBuf>,
        /// Counts to hold these against
        #[arg(long)]
        baseline: PathBuf,
        /// Write the baseline anew
        #[arg(long)]
        accept: bool,
    },
    /// Instructions of inputs that are hard to refuse, held against those of a valid request
    AttackCost {
        /// The function, built with --release
        #[arg(long)]
        function: PathBuf,
        /// Count what fuzzing found instead: DIRECTORY/TARGET/INPUT
        #[arg(long, value_name = "DIRECTORY")]
        found: Option<PathBuf>,
    },
    /// Size, memory, calls and bytes of requests in the sandbox, held against limits
    Measure {
        /// The function, built with --release
        #[arg(long)]
        function: PathBuf,
        /// How many requests of each operation to send
        #[arg(long, default_value_t = 500)]
        requests: u32,
    },
    /// Builds of the function, held against the first: size, memory, instructions
    Variants {
        /// The binaries
        #[arg(required = true)]
        binaries: Vec<PathBuf>,
    },
    /// The package's size, and tokens issued by its program
    Deployed {
        /// The package's folder
        #[arg(long)]
        package: PathBuf,
    },
    /// Whether a request costs the same with a full secret of partners and with a full table
    Scale {
        /// The function, built with --release
        #[arg(long)]
        function: PathBuf,
        /// How many items the full table has
        #[arg(long, default_value_t = 1_000_000)]
        items: u32,
    },
    /// Times and cost by Lambda's memory setting, which is its share of a processor; needs root
    Memory {
        /// The function, built with --release
        #[arg(long)]
        function: PathBuf,
        /// How often it is started at each setting
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Latency by load, in the sandbox
    Load {
        /// The function, built with --release
        #[arg(long)]
        function: PathBuf,
        /// How many instances of it may be at work at once
        #[arg(long, default_value_t = 16)]
        instances: usize,
        /// The plot, as SVG
        #[arg(long)]
        plot: PathBuf,
    },
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0} cannot be read: build it first, with make bench")]
    Missing(PathBuf),
    #[error(transparent)]
    Tls(#[from] sandbox::TlsError),
    #[error("the system's random generator failed")]
    Generator(#[source] ring::error::Unspecified),
    #[error(transparent)]
    Run(#[from] run::RunError),
    #[error(transparent)]
    Instructions(#[from] instructions::InstructionsError),
    #[error(transparent)]
    Count(#[from] counted::CountError),
    #[error(transparent)]
    AttackCost(#[from] attack_cost::AttackCostError),
    #[error(transparent)]
    Measure(#[from] measure::MeasureError),
    #[error(transparent)]
    Deployed(#[from] deployed::DeployedError),
    #[error(transparent)]
    Scale(#[from] scale::ScaleError),
    #[error(transparent)]
    Memory(#[from] memory::MemoryError),
    #[error(transparent)]
    Load(#[from] load::LoadError),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let held = match Arguments::parse().what {
        What::Compare {
            function,
            floor,
            node,
            rounds,
            requests,
        } => compare([function, floor, node], rounds, requests).await,
        What::Instructions {
            function,
            floor,
            baseline,
            accept,
        } => instructions::count(&function, floor.as_deref(), &baseline, accept)
            .await
            .map_err(Failed::from),
        What::AttackCost { function, found } => attack_cost::count(&function, found.as_deref())
            .await
            .map_err(Failed::from),
        What::Measure { function, requests } => measure::measure(function, requests)
            .await
            .map_err(Failed::from),
        What::Variants { binaries } => variants::print(&binaries)
            .await
            .map(|()| true)
            .map_err(Failed::from),
        What::Deployed { package } => deployed::check(&package).await.map_err(Failed::from),
        What::Scale { function, items } => {
            scale::measure(&function, items).await.map_err(Failed::from)
        }
        What::Memory { function, rounds } => memory::measure(&function, rounds)
            .await
            .map(|()| true)
            .map_err(Failed::from),
        What::Load {
            function,
            instances,
            plot,
        } => load::measure(function, instances, plot)
            .await
            .map(|()| true)
            .map_err(Failed::from),
    };
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(files: [PathBuf; 3], rounds: u32, requests: u32) -> Result<bool, Failed> {
    for file in &files {
        if !file.is_file() {
            return Err(Failed::Missing(file.clone()));
        }
    }
    let [function, floor, node] = &files;
    let mut over_tls = Subject::new("over TLS", None, function, true)?;
    over_tls.tls = Some(Trusted::new()?);
    let subjects = [
        Subject::new("token-service", None, function, true)?,
        Subject::new("floor", None, floor, false)?,
        Subject::new("node", Some("node"), node, true)?,
        over_tls,
    ];
    let events = Events::new().map_err(run::RunError::from)?;
    let mut measured = Vec::new();
    for round in 1..=rounds {
        let cryptography = process::on_its_processor(cryptography::time)
            .map_err(run::RunError::from)?
            .map_err(Failed::Generator)?;
        // In turn, so that what else the machine does falls on all alike, and another one after
        // Node.js each time.
        let [ours, floor, node, tls] = &subjects;
        let run = |subject| run::run(subject, &events, requests);
        let (ours, floor, tls) = if round % 2 == 0 {
            let (floor, tls) = (run(floor).await?, run(tls).await?);
            (run(ours).await?, floor, tls)
        } else {
            let (ours, tls) = (run(ours).await?, run(tls).await?);
            (ours, run(floor).await?, tls)
        };
        measured.push(Round {
            figures: [ours, floor, run(node).await?, tls],
            cryptography,
        });
        eprintln!("round {round} of {rounds}");
    }
    Ok(table::print(&subjects, &measured, requests))
}
