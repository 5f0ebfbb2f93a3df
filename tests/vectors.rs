//! `docs/vectors`: the files are what their generator made, fit their schema, and the running service and the sandbox's
//! partner, SDK and resource server agree with every vector. The function's own code is held against them in `src`.

mod file;
mod parties;
mod service;

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::PathBuf,
};

use boon::{Compiler, Draft, Schemas};
use serde_json::Value;
use sha2::{Digest, Sha256};

use file::FORMATS;

fn read(file: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "docs", "vectors", file]
        .iter()
        .collect();
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(file: &str) -> Value {
    serde_json::from_str(&read(file)).unwrap()
}

/// One changed byte in any file is found, without Python.
#[test]
fn the_files_are_as_they_were_made() {
    let sums = read("SHA256SUMS");
    let mut listed = BTreeSet::new();
    for line in sums.lines() {
        let (sum, file) = line.split_once("  ").unwrap();
        let found: String = Sha256::digest(read(file))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            found, sum,
            "{file}: make it again with docs/vectors/make.py"
        );
        listed.insert(file.to_owned());
    }
    let mut files: BTreeSet<String> = FORMATS.map(|format| format!("{format}.json")).into();
    files.insert("schema.json".to_owned());
    assert_eq!(listed, files);
}

#[test]
fn the_files_fit_their_schema() {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler
        .add_resource("schema.json", json("schema.json"))
        .unwrap();
    let mut schemas = Schemas::new();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    for format in FORMATS {
        let document = json(&format!("{format}.json"));
        if let Err(error) = schemas.validate(&document, schema) {
            panic!("{format}.json: {error:#}");
        }
        // The schema can fail: a vector needs its name and takes no member that is not its format's.
        for (member, value) in [("name", Value::Null), ("surplus", "x".into())] {
            let mut wrong = document.clone();
            wrong["vectors"][0][member] = value;
            assert!(
                schemas.validate(&wrong, schema).is_err(),
                "{format} {member}"
            );
        }
    }
}

/// Members that share keys must not share an IV: that would be the one mistake that the README warns of.
#[test]
fn no_iv_is_used_twice_under_a_key() {
    let mut used = HashSet::new();
    for format in FORMATS {
        for vector in file::vectors(format) {
            let iv = &vector.json("ivBase64url");
            if iv.is_string() {
                let key = vector.json("key")["k"].clone();
                assert!(
                    used.insert((key, (*iv).clone())),
                    "{format} {}",
                    vector.name()
                );
            }
        }
    }
    assert!(used.len() > 40, "only {}", used.len());
}

/// What a negative vector breaks is explained in the README, and every name there is in use.
#[test]
fn the_readme_names_every_fault_and_every_member() {
    let readme = read("README.md");
    for format in FORMATS {
        assert!(readme.contains(&format!("`{format}.json`")), "{format}");
        for vector in file::vectors(format) {
            let members = vector.members();
            for name in members.chain(vector.fault()) {
                let of_a_member = format == "members" && vector.fault() == Some(name);
                assert!(
                    of_a_member || readme.contains(&format!("`{name}`")),
                    "README.md does not say what {name} of {format}.json is"
                );
            }
        }
    }
}
