//! The package that is deployed: whether it is small enough, and whether its program, which is for
//! another processor, does its work on the oldest one that Lambda may run it on.

use std::{fs, io, path::Path, process::Stdio};

use crate::{
    events::Events,
    run::{Driven, RunError, Setting, zipped},
    table::sign,
};

const MAX_ZIPPED: usize = 2_550_000;

/// The oldest processor that Lambda's arm64 functions run on is Graviton2, whose cores are Neoverse
/// N1.
const EMULATED: [&str; 5] = [
    "qemu-aarch64",
    "-cpu",
    "neoverse-n1",
    "-L",
    "/usr/aarch64-linux-gnu",
];

/// More than one, as the first is not like the rest.
const REQUESTS: u32 = 20;

/// Why the package was not looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployedError {
    #[error("{0} holds no bootstrap: build it first, with make build")]
    NotBuilt(String),
    #[error("qemu-aarch64 is missing. Get it with: apt-get install qemu-user")]
    Emulator(#[source] io::Error),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Prints what is in `package`, has its `bootstrap` issue tokens, and tells whether it is within
/// its limit.
pub(crate) async fn check(package: &Path) -> Result<bool, DeployedError> {
    let bootstrap = package.join("bootstrap");
    if !bootstrap.is_file() {
        return Err(DeployedError::NotBuilt(package.display().to_string()));
    }
    let mut total = 0;
    for file in fs::read_dir(package)? {
        let file = file?;
        let bytes = fs::read(file.path())?;
        let zipped = zipped(&bytes)?;
        println!(
            "{:>10} bytes, {zipped:>8} zipped  {}",
            bytes.len(),
            file.file_name().display()
        );
        total += zipped;
    }
    let held = total <= MAX_ZIPPED;
    println!("{}: {total} bytes zipped, at most {MAX_ZIPPED}", sign(held));

    let program = bootstrap.display().to_string();
    let native = cfg!(target_arch = "aarch64");
    if !native {
        let version = std::process::Command::new("qemu-aarch64")
            .arg("--version")
            .output();
        version.map_err(DeployedError::Emulator)?;
    }
    let emulator = EMULATED.into_iter().filter(|_| !native);
    let command: Vec<String> = emulator.chain([&*program]).map(str::to_owned).collect();
    let events = Events::new().map_err(RunError::from)?;
    let (mut driven, _) = Driven::start(&Setting::default(), &command, Stdio::inherit()).await?;
    driven.issue(&events, REQUESTS).await?;
    driven.end().await?;
    let processor = if native {
        "this processor"
    } else {
        "neoverse-n1, by QEMU"
    };
    println!("ok: {REQUESTS} tokens issued on {processor}, each answer and token opened");
    Ok(held)
}
