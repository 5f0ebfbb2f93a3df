//! A control group that gives a process a share of a processor, by version 1 or 2 of Linux's
//! control groups.

use std::{fs, io, path::Path, path::PathBuf, thread, time::Duration};

/// Beside the machine's own groups, where those are usually mounted.
const ROOT_V2: &str = "/sys/fs/cgroup";
const ROOTS_V1: [&str; 2] = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"];
const NAME: &str = "token-service-bench";

/// Why there is no group.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoGroup {
    #[error(
        "neither /sys/fs/cgroup/cgroup.controllers lists cpu (cgroup v2) nor is there /sys/fs/cgroup/cpu (v1): \
         run it on Linux, in a container as: docker run --privileged --cgroupns=host"
    )]
    NoController,
    #[error(
        "{0} cannot be written: run it as root, in a container as: docker run --privileged --cgroupns=host"
    )]
    NotWritable(PathBuf, #[source] io::Error),
    #[error("{0} is in use: another run is not over yet")]
    InUse(PathBuf),
}

#[derive(Clone, Copy)]
enum Version {
    V1,
    V2,
}

/// An empty group, removed when it is dropped. The processes in it must have ended by then.
pub(crate) struct Group {
    path: PathBuf,
    version: Version,
}

impl Group {
    pub(crate) fn new() -> Result<Self, NoGroup> {
        let (root, version) = controller()?;
        let path = root.join(NAME);
        let not_writable = |error| NoGroup::NotWritable(root.clone(), error);
        if path.is_dir() {
            // Of a run that was killed; the kernel removes none that has a process.
            fs::remove_dir(&path).map_err(|_| NoGroup::InUse(path.clone()))?;
        }
        fs::create_dir(&path).map_err(not_writable)?;
        Ok(Self { path, version })
    }

    /// Lets what is in it run for `quota` of each `period`, on all processors together.
    pub(crate) fn limit(&self, quota: Duration, period: Duration) -> io::Result<()> {
        let (quota, period) = (quota.as_micros(), period.as_micros());
        match self.version {
            Version::V1 => {
                fs::write(self.path.join("cpu.cfs_period_us"), period.to_string())?;
                fs::write(self.path.join("cpu.cfs_quota_us"), quota.to_string())
            }
            Version::V2 => fs::write(self.path.join("cpu.max"), format!("{quota} {period}")),
        }
    }

    /// The command that runs `program` in it. A shell goes there and becomes the program, which so
    /// is never outside; the start has the shell's millisecond in it.
    pub(crate) fn inside(&self, program: &Path) -> [String; 5] {
        let members = self.path.join("cgroup.procs");
        [
            "sh",
            "-c",
            r#"echo $$ >"$0" && exec "$1""#,
            &members.display().to_string(),
            &program.display().to_string(),
        ]
        .map(str::to_owned)
    }

    /// In how many periods so far it has had to wait for the next one.
    pub(crate) fn throttled_periods(&self) -> io::Result<u64> {
        fs::read_to_string(self.path.join("cpu.stat"))?
            .lines()
            .find_map(|line| line.strip_prefix("nr_throttled ")?.parse().ok())
            .ok_or(io::ErrorKind::InvalidData.into())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that was just killed is in it for a moment.
        for _ in 0..100 {
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
                _ => return,
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Where groups with a quota can be made.
fn controller() -> Result<(PathBuf, Version), NoGroup> {
    let v2 = Path::new(ROOT_V2);
    let controllers = fs::read_to_string(v2.join("cgroup.controllers")).unwrap_or_default();
    if controllers.split_whitespace().any(|name| name == "cpu") {
        // It is on already where systemd is.
        let children = v2.join("cgroup.subtree_control");
        fs::write(&children, "+cpu").map_err(|error| NoGroup::NotWritable(children, error))?;
        return Ok((v2.to_owned(), Version::V2));
    }
    let v1 = ROOTS_V1
        .iter()
        .find(|root| Path::new(root).join("cpu.cfs_quota_us").is_file());
    let v1 = v1.ok_or(NoGroup::NoController)?;
    Ok((PathBuf::from(v1), Version::V1))
}
