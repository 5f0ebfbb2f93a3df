//! How valgrind is told to count a program, and where the count stands in its output.
//!
//! Needs `std` only: `side-channels` compiles this file too.

use std::{io, path::Path, process::Command};

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Tool {
    Instructions,
    /// Calls of the allocator.
    Allocations,
    /// Bytes on the heap when they were most.
    PeakHeap,
}

impl Tool {
    /// The command that runs and counts `program`.
    pub(crate) fn command(self, program: &Path) -> [String; 4] {
        let [tool, output] = match self {
            Self::Instructions => ["--tool=callgrind", "--callgrind-out-file=/dev/null"],
            Self::Allocations | Self::PeakHeap => ["--tool=dhat", "--dhat-out-file=/dev/null"],
        };
        ["valgrind", tool, output, &program.display().to_string()].map(str::to_owned)
    }

    /// The count, in the text that valgrind writes to standard error as the process ends.
    pub(crate) fn count(self, said: &str) -> Option<u64> {
        said.lines().find_map(|line| {
            let (_, count) = match self {
                Self::Instructions => line.split_once("Collected : ")?,
                Self::Allocations => line.split_once("Total: ")?.1.split_once(" bytes in ")?,
                Self::PeakHeap => line.split_once("At t-gmax: ")?,
            };
            let count = count.split_whitespace().next()?;
            count.replace(',', "").parse().ok()
        })
    }
}

/// Fails where there is no valgrind, before anything else is started.
pub(crate) fn require() -> io::Result<()> {
    let version = Command::new("valgrind").arg("--version").output();
    version.map(|_| ()).map_err(|error| {
        let advice = "valgrind is missing. Get it with: apt-get install valgrind";
        io::Error::new(error.kind(), advice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_valgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 3601447\n";
        assert_eq!(Tool::Instructions.count(said), Some(3_601_447));
        let said = "==7== Total:     1,234,567 bytes in 8,901 blocks\n";
        assert_eq!(Tool::Allocations.count(said), Some(8_901));
        assert_eq!(Tool::Allocations.count("==7== Killed"), None);
        let said = "==7== At t-gmax: 76,543 bytes in 21 blocks\n";
        assert_eq!(Tool::PeakHeap.count(said), Some(76_543));
    }
}
