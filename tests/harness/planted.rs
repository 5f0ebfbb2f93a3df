//! Planted bugs: patches of the function's source, in a folder of whoever has to find them.
//!
//! Each is applied to a copy of the repository and built there, in one target directory for all, so that the
//! dependencies are compiled once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A bug to be planted.
#[derive(Clone, Debug)]
pub struct Bug {
    name: String,
    patch: PathBuf,
}

/// Why a bug could not be planted.
#[derive(Debug, thiserror::Error)]
pub enum NotPlanted {
    /// No such file.
    #[error("there is no bug of this name in {}; there are: {there}", .folder.display())]
    Unknown {
        /// Where it was looked for.
        folder: PathBuf,
        /// Their names.
        there: String,
    },
    /// The source has changed.
    #[error("{} does not apply to src/ any more, so bring it up to date:\n{said}", .patch.display())]
    DoesNotApply {
        /// The bug.
        patch: PathBuf,
        /// What `git apply` says.
        said: String,
    },
    /// It applies and does not compile.
    #[error("with {} the function does not compile:\n{said}", .patch.display())]
    DoesNotCompile {
        /// The bug.
        patch: PathBuf,
        /// What `cargo` says.
        said: String,
    },
    /// A tool is missing.
    #[error("{0} cannot be run, which planting needs")]
    Tool(&'static str, #[source] io::Error),
    /// The patches.
    #[error("{} cannot be read", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// The copy.
    #[error("the repository cannot be copied to {}", .0.display())]
    Copy(PathBuf, #[source] io::Error),
}

/// All bugs of a folder in the order of their names, or the one of a name.
///
/// # Errors
/// There is none of this name, or the folder cannot be read.
pub fn bugs(folder: &Path, only: Option<&str>) -> Result<Vec<Bug>, NotPlanted> {
    let unreadable = |error| NotPlanted::Folder(folder.into(), error);
    let mut bugs = Vec::new();
    for file in fs::read_dir(folder).map_err(unreadable)? {
        let patch = file.map_err(unreadable)?.path();
        if let (Some(name), Some("patch")) = (stem(&patch), extension(&patch)) {
            bugs.push(Bug { name, patch });
        }
    }
    bugs.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<String> = bugs.iter().map(|bug| bug.name.clone()).collect();
    bugs.retain(|bug| only.is_none_or(|only| bug.name == only));
    match bugs.is_empty() {
        true => Err(NotPlanted::Unknown {
            folder: folder.into(),
            there: names.join(", "),
        }),
        false => Ok(bugs),
    }
}

impl Bug {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it still fits the source, which is left as it is.
    ///
    /// # Errors
    /// The patch does not apply.
    pub fn fits(&self) -> Result<(), NotPlanted> {
        self.apply(Path::new(REPOSITORY), &["--check"])
    }

    fn apply(&self, tree: &Path, options: &[&str]) -> Result<(), NotPlanted> {
        let mut apply = Command::new("git");
        apply
            .args(["apply", "--whitespace=nowarn"])
            .args(options)
            .arg(&self.patch)
            .current_dir(tree);
        // Inside of a repository `git apply` would look for the paths from its root.
        if let Some(above) = tree.parent() {
            apply.env("GIT_CEILING_DIRECTORIES", above);
        }
        let applied = apply
            .output()
            .map_err(|error| NotPlanted::Tool("git", error))?;
        match applied.status.success() {
            true => Ok(()),
            false => Err(NotPlanted::DoesNotApply {
                patch: self.patch.clone(),
                said: String::from_utf8_lossy(&applied.stderr).into_owned(),
            }),
        }
    }

    /// Builds the function with it, and gives back the binary's path.
    ///
    /// # Errors
    /// The patch does not apply, or what it makes does not compile.
    pub fn build(&self) -> Result<PathBuf, NotPlanted> {
        let target = target();
        let tree = target.join("tree");
        copy_repository(&tree).map_err(|error| NotPlanted::Copy(tree.clone(), error))?;
        self.apply(&tree, &[])?;
        eprintln!("building the function with {}", self.name);
        let built = Command::new("cargo")
            .args(["build", "--quiet", "--locked", "--bin", "token-service"])
            .current_dir(&tree)
            .env("CARGO_TARGET_DIR", &target)
            .output()
            .map_err(|error| NotPlanted::Tool("cargo", error))?;
        if !built.status.success() {
            return Err(NotPlanted::DoesNotCompile {
                patch: self.patch.clone(),
                said: String::from_utf8_lossy(&built.stderr).into_owned(),
            });
        }
        // A name of its own, so that no process runs another bug than it is said to.
        let binary = target.join(format!("token-service-with-{}", self.name));
        let copied = fs::copy(target.join("debug/token-service"), &binary);
        copied.map_err(|error| NotPlanted::Copy(binary.clone(), error))?;
        Ok(binary)
    }
}

/// `planted` in the target directory that this program is in.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").exists();
    let target = program.ancestors().find(is_target);
    target.unwrap_or(Path::new("target")).join("planted")
}

/// The source of the function and the Rust of the rest, as Cargo wants to see the whole workspace. Files that have not changed keep their time, so that
/// Cargo builds only what has.
fn copy_repository(to: &Path) -> io::Result<()> {
    let kinds = [
        "src",
        "*.rs",
        "*.c",
        "*.toml",
        "*.json",
        "*.md",
        "Cargo.lock",
    ];
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
        ])
        .args(kinds)
        .current_dir(REPOSITORY)
        .output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in listed.split_terminator('\0') {
        copy(&Path::new(REPOSITORY).join(name), &to.join(name))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if !from.exists() {
        // Deleted, and git has not been told yet.
        return Ok(());
    }
    let content = fs::read(from)?;
    match fs::read(to) {
        Ok(present) if present == content => Ok(()),
        _ => fs::write(to, content),
    }
}

fn stem(path: &Path) -> Option<String> {
    Some(path.file_stem()?.to_str()?.to_owned())
}

fn extension(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}
