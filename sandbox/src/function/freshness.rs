//! Whether a binary is as new as its sources: a test of yesterday's binary proves nothing of
//! today's.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The first source that changed after `program` was built, by the list that Cargo leaves beside
/// what it builds. `None` for a program without a list: it was built elsewhere, or copied.
pub(super) fn newer_source(program: &Path) -> Option<PathBuf> {
    let list = fs::read_to_string(program.with_extension("d")).ok()?;
    let built = modified(program).ok()?;
    sources(&list).find(|source| modified(source).is_ok_and(|changed| changed > built))
}

fn modified(path: &Path) -> io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// The sources in a list of the form `program: source source`, where a space in a path is `\ `.
fn sources(list: &str) -> impl Iterator<Item = PathBuf> {
    let (_, sources) = list.trim_end().split_once(": ").unwrap_or_default();
    let sources = sources.replace("\\ ", "\0");
    let paths: Vec<PathBuf> = sources
        .split(' ')
        .filter(|path| !path.is_empty())
        .map(|path| path.replace('\0', " ").into())
        .collect();
    paths.into_iter()
}

#[cfg(test)]
mod tests {
    use std::{fs::File, time::Duration};

    use super::*;

    #[test]
    fn names_a_source_that_is_newer_than_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let [program, old, new] = ["program", "old source.rs", "new.rs"].map(|name| {
            let path = folder.path().join(name);
            fs::write(&path, name).unwrap();
            path
        });
        let list = |path: &Path| path.display().to_string().replace(' ', "\\ ");
        let list = format!("{}: {} {}\n", list(&program), list(&old), list(&new));
        let built = SystemTime::now() - Duration::from_secs(60);
        let set = |path: &Path, time| File::open(path).unwrap().set_modified(time).unwrap();
        set(&program, built);
        set(&old, built);
        // Without the list nothing is known.
        assert_eq!(newer_source(&program), None);
        fs::write(program.with_extension("d"), list).unwrap();
        assert_eq!(newer_source(&program), Some(new.clone()));
        set(&new, built);
        assert_eq!(newer_source(&program), None);
        set(&old, built + Duration::from_secs(1));
        assert_eq!(newer_source(&program), Some(old.clone()));
        // A source that is gone is the compiler's business.
        fs::remove_file(old).unwrap();
        assert_eq!(newer_source(&program), None);
    }
}
