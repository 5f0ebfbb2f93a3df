//! Bugs that `make planted` plants in a copy of the project, each a patch of `tests/planted/`. Here
//! each still applies, and says by what it is caught.

use std::{fs, path::Path, process::Command};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What `git` prints at the repository's root.
fn git(arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    let git = git.args(arguments).current_dir(REPOSITORY);
    let ended = git.output().expect("git can be run");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn each_planted_bug_applies_and_says_what_catches_it() {
    let patches = git(&[
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "*.patch",
    ]);
    assert!(patches.lines().count() > 40, "{patches}");
    for patch in patches.lines() {
        let path = Path::new(REPOSITORY).join(patch);
        if !path.exists() {
            // Deleted, and git has not been told yet.
            continue;
        }
        assert!(
            patch.starts_with("tests/planted/"),
            "{patch}: `make planted` looks in tests/planted/ only"
        );
        git(&["apply", "--check", patch]);
        let text = fs::read_to_string(path).unwrap();
        let (header, _) = text.split_once("\ndiff --git ").unwrap();
        for line in ["\n\nCaught by: ", "\nWith: "] {
            assert!(header.contains(line), "{patch}: there is no {line:?}");
        }
    }
}
