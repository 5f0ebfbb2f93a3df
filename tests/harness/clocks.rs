//! The clocks of one world: Lambda's, and one for each process of the function, which may be wrong.
//!
//! The processes' wall clocks are set through `clock.c`, preloaded into them. So time can pass at
//! once (a TTL, a token's lifetime, a record's retention), for Lambda and all processes alike, and
//! single processes can be minutes off.
//!
//! Lambda's deadlines follow Lambda's clock (as in life, where its clock and its machines' agree),
//! and a skew is a process's difference from that. One that is half a minute or more off takes
//! Lambda's deadline for one that has passed or for one that is far away. It ignores the first
//! kind, and then only the limits of its own calls hold.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    ops::RangeInclusive,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sandbox::ClockShift;
use tempfile::TempDir;

const SOURCE: &str = include_str!("clock.c");

/// A moment on Lambda's clock, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// From milliseconds since the epoch.
    pub const fn of_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This much later.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(duration)))
    }

    /// What a clock shows that is this many milliseconds ahead.
    pub const fn shifted(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = u64::try_from(self.0.saturating_sub(earlier.0));
        Duration::from_millis(millis.unwrap_or_default())
    }
}

/// The preloaded clock, compiled.
#[derive(Clone, Debug)]
pub struct Shim {
    directory: Arc<TempDir>,
}

/// There are no clocks but the true ones.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// Not Linux.
    #[error(
        "a moved clock needs Linux: the tests give the function's processes their clocks by LD_PRELOAD"
    )]
    NotLinux,
    /// No compiler.
    #[error(
        "`cc` cannot be run, which compiles the processes' clock (tests/harness/clock.c): apt-get install build-essential"
    )]
    NoCompiler(#[source] io::Error),
    /// The compiler failed.
    #[error("`cc` does not compile tests/harness/clock.c:\n{0}")]
    NotCompiled(String),
    /// The files of the clocks.
    #[error("the clocks' files cannot be written")]
    Files(#[from] io::Error),
}

impl Shim {
    /// Compiles it.
    ///
    /// # Errors
    /// There is no compiler, or this is not Linux.
    pub fn compile() -> Result<Self, ClockError> {
        if !cfg!(target_os = "linux") {
            return Err(ClockError::NotLinux);
        }
        let shim = Self {
            directory: Arc::new(tempfile::tempdir()?),
        };
        let mut compiler = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-x", "c", "-", "-o"])
            .arg(shim.library())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ClockError::NoCompiler)?;
        if let Some(mut input) = compiler.stdin.take() {
            input.write_all(SOURCE.as_bytes())?;
        }
        let compiled = compiler.wait_with_output()?;
        match compiled.status.success() {
            true => Ok(shim),
            false => Err(ClockError::NotCompiled(
                String::from_utf8_lossy(&compiled.stderr).into_owned(),
            )),
        }
    }

    fn library(&self) -> PathBuf {
        self.directory.path().join("clock.so")
    }
}

/// The clocks of one world.
#[derive(Debug)]
pub struct Clocks {
    shim: Shim,
    directory: TempDir,
    lambda: ClockShift,
    /// How far Lambda's clock is ahead of this machine's, in milliseconds.
    passed: i64,
    /// How far a process is ahead of Lambda's clock when it starts.
    start: i64,
    /// How far other ones are, by their ids.
    skews: BTreeMap<u32, i64>,
}

impl Clocks {
    /// True clocks.
    ///
    /// # Errors
    /// Their files cannot be written.
    pub fn new(shim: Shim) -> io::Result<Self> {
        let clocks = Self {
            shim,
            directory: tempfile::tempdir()?,
            lambda: ClockShift::default(),
            passed: 0,
            start: 0,
            skews: BTreeMap::new(),
        };
        fs::write(clocks.directory.path().join("start"), 0_i64.to_ne_bytes())?;
        Ok(clocks)
    }

    /// What the function's environment needs for it.
    pub fn environment(&self) -> [(String, String); 2] {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        [
            ("LD_PRELOAD".to_owned(), text(self.shim.library())),
            (
                "TEST_CLOCKS".to_owned(),
                text(self.directory.path().to_owned()),
            ),
        ]
    }

    /// Lambda's clock, for the sandbox.
    pub fn lambda(&self) -> ClockShift {
        self.lambda.clone()
    }

    /// The time on Lambda's clock.
    pub fn now(&self) -> Moment {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Moment(millis_of(since_epoch)).shifted(self.passed)
    }

    /// Lets time pass for Lambda and the living processes.
    ///
    /// # Errors
    /// A clock's file cannot be written.
    pub fn pass(&mut self, duration: Duration, living: &[u32]) -> io::Result<()> {
        self.passed = self.passed.saturating_add(millis_of(duration));
        self.lambda.set(self.passed);
        self.show("start", self.start)?;
        for pid in living {
            self.show(&pid.to_string(), self.skew_of(*pid))?;
        }
        Ok(())
    }

    /// Sets a process's clock so many milliseconds ahead of Lambda's.
    ///
    /// # Errors
    /// Its file cannot be written.
    pub fn skew(&mut self, pid: u32, millis: i64) -> io::Result<()> {
        self.skews.insert(pid, millis);
        self.show(&pid.to_string(), millis)
    }

    /// The same for the processes that are yet to start; the living ones keep theirs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn skew_new(&mut self, millis: i64, living: &[u32]) -> io::Result<()> {
        for pid in living {
            self.skews.entry(*pid).or_insert(self.start);
        }
        self.start = millis;
        self.show("start", millis)
    }

    /// From the slowest to the fastest of these processes and of those that may start, in
    /// milliseconds ahead of Lambda's.
    pub fn skews(&self, living: &[u32]) -> RangeInclusive<i64> {
        let skews = living.iter().map(|pid| self.skew_of(*pid));
        let skews: Vec<i64> = skews.chain([self.start]).collect();
        skews.iter().copied().min().unwrap_or(0)..=skews.iter().copied().max().unwrap_or(0)
    }

    /// How far a process is ahead of Lambda's clock, in milliseconds.
    pub fn skew_of(&self, pid: u32) -> i64 {
        self.skews.get(&pid).copied().unwrap_or(self.start)
    }

    fn show(&self, file: &str, skew: i64) -> io::Result<()> {
        let path = self.directory.path().join(file);
        // Not truncated: a process that looks at its clock meanwhile must find the whole number
        // there.
        let mut file = match OpenOptions::new().write(true).open(path) {
            // A process that has just started makes its own file, from `start`.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        file.write_all(&self.passed.saturating_add(skew).to_ne_bytes())
    }
}

fn millis_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
