//! `docs/vectors`: the files are what their generator made, fit their schema, and the running
//! service and the sandbox's partner, SDK and resource server agree with every vector. The
//! function's own code is held against them in `src`.

mod exchanges;
mod file;
mod parties;
mod service;

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::PathBuf,
};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::contract;
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

/// The schema, compiled as a whole and for the vectors of each format alone.
struct Schema {
    schemas: Schemas,
    whole: SchemaIndex,
    every_vector: SchemaIndex,
}

impl Schema {
    fn read(compiler: &mut Compiler) -> Self {
        compiler.set_default_draft(Draft::V2020_12);
        let schema = json("schema.json");
        compiler.add_resource("schema.json", schema).unwrap();
        let mut schemas = Schemas::new();
        let whole = compiler.compile("schema.json", &mut schemas).unwrap();
        let vector = compiler.compile("schema.json#/$defs/vector", &mut schemas);
        Self {
            whole,
            every_vector: vector.unwrap(),
            schemas,
        }
    }

    /// Why a document does not fit. The vectors are held one by one against their own format's
    /// part: the schema's `oneOf` would report each format's view of each vector.
    fn fault(&mut self, compiler: &mut Compiler, format: &str, document: &Value) -> Option<String> {
        let part = format!("schema.json#/$defs/{format}/properties/vectors/items");
        let part = compiler.compile(&part, &mut self.schemas).unwrap();
        let vectors = document["vectors"].as_array().unwrap();
        for (at, vector) in vectors.iter().enumerate() {
            for schema in [self.every_vector, part] {
                if let Err(error) = self.schemas.validate(vector, schema) {
                    let name = &vector["name"];
                    return Some(format!("{format}.json, vector {at}, {name}: {error}"));
                }
            }
        }
        let mut first = document.clone();
        first["vectors"] = vectors[..1].into();
        let fits = self.schemas.validate(&first, self.whole);
        Some(format!("{format}.json: {}", fits.err()?))
    }
}

#[test]
fn the_files_fit_their_schema() {
    let mut compiler = Compiler::new();
    let mut schema = Schema::read(&mut compiler);
    for format in FORMATS {
        let document = json(&format!("{format}.json"));
        if let Some(fault) = schema.fault(&mut compiler, format, &document) {
            panic!("{fault}");
        }
    }
}

/// A vector needs its name and takes no member that is not its format's; a document takes no other
/// member.
#[test]
fn what_does_not_fit_the_schema_is_named_at_once() {
    let mut compiler = Compiler::new();
    let mut schema = Schema::read(&mut compiler);
    for format in FORMATS {
        let document = json(&format!("{format}.json"));
        let last = document["vectors"].as_array().unwrap().len() - 1;
        for (path, value, words) in [
            (format!("/vectors/{last}/name"), Value::Null, "name"),
            (format!("/vectors/{last}/fault"), "no such".into(), "fault"),
            ("/note".to_owned(), "x".into(), "note"),
        ] {
            let mut wrong = document.clone();
            let (parent, member) = path.rsplit_once('/').unwrap();
            wrong.pointer_mut(parent).unwrap()[member] = value;
            let fault = schema.fault(&mut compiler, format, &wrong).unwrap();
            let head: Vec<&str> = fault.lines().take(6).collect();
            assert!(head.join("\n").contains(words), "{format} {path}: {fault}");
        }
        for parent in [format!("/vectors/{last}"), String::new()] {
            let mut wrong = document.clone();
            wrong.pointer_mut(&parent).unwrap()["surplus"] = "x".into();
            let fault = schema.fault(&mut compiler, format, &wrong).unwrap();
            let head: Vec<&str> = fault.lines().take(6).collect();
            assert!(
                head.join("\n").contains("surplus"),
                "{format} {parent}: {fault}"
            );
        }
    }
}

/// Members that share keys must not share an IV: that would be the one mistake that the README
/// warns of.
#[test]
fn no_iv_is_used_twice_under_a_key() {
    let mut used = HashSet::new();
    for format in FORMATS {
        for vector in file::vectors(format) {
            let (request, answer) = (vector.part("request"), vector.part("answer"));
            let token_key = if vector.json("tokenKey").is_object() {
                "tokenKey"
            } else {
                "key"
            };
            for (vector, iv, key) in [
                (Some(&vector), "ivBase64url", "key"),
                (Some(&vector), "tokenIvBase64url", token_key),
                (request.as_ref(), "ivBase64url", "key"),
                (answer.as_ref(), "ivBase64url", "key"),
            ] {
                let Some(vector) = vector.filter(|vector| vector.json(iv).is_string()) else {
                    continue;
                };
                let used_with = (vector.json(key)["k"].clone(), vector.json(iv).clone());
                assert!(used.insert(used_with), "{format} {}", vector.name());
            }
        }
    }
    assert!(used.len() > 120, "only {}", used.len());
}

/// What a member or a fault is stands in the schema, and every fault there is in use.
#[test]
fn the_schema_says_what_every_member_and_every_fault_is() {
    let (schema, readme) = (json("schema.json"), read("README.md"));
    let definitions = &schema["$defs"];
    let shared = &definitions["vector"]["properties"];
    let is_described =
        |place: &Value| !place["description"].as_str().unwrap_or_default().is_empty();
    let mut used = BTreeSet::new();
    for format in FORMATS {
        assert!(readme.contains(&format!("`{format}.json`")), "{format}");
        let own = &definitions[format]["properties"]["vectors"]["items"]["properties"];
        for vector in file::vectors(format) {
            for name in vector.members() {
                assert!(
                    is_described(&own[name]) || is_described(&shared[name]),
                    "schema.json does not say what {name} of {format}.json is"
                );
            }
            used.extend(vector.fault().map(str::to_owned));
        }
    }
    let of_members = definitions["memberFault"]["enum"].as_array().unwrap();
    let faults = shared["fault"]["anyOf"].as_array().unwrap();
    assert!(
        faults
            .iter()
            .all(|fault| fault["$ref"].is_string() || is_described(fault))
    );
    let names = faults.iter().filter_map(|fault| fault["const"].as_str());
    let of_members = of_members
        .iter()
        .map(|name| name.as_str().unwrap().to_owned());
    let of_members: BTreeSet<String> = of_members.collect();
    assert_eq!(of_members, contract::members(), "the enum of memberFault");
    let described = of_members.into_iter().chain(names.map(str::to_owned));
    assert_eq!(described.collect::<BTreeSet<_>>(), used);
}
