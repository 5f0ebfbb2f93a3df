//! Bugs that are planted in a copy of the source, each of which the search must find. Cargo builds the copy, so that these
//! run on demand: `make taint`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    leaks, memory,
    scenarios::{self, Part},
};

/// In a file of `src/`, what is replaced by what.
type Edit = (&'static str, &'static str, &'static str);

/// A bug: what is replaced by what in which file, and how what then comes out begins.
struct Bug {
    name: &'static str,
    edits: &'static [Edit],
    part: Part,
    leak: &'static [&'static str],
}

const ACCEPTED: &str = "        let Accepted { partner, request } = accepted;\n";

const BUGS: [Bug; 13] = [
    Bug {
        name: "a log line with the customer",
        edits: &[(
            "issue.rs",
            ACCEPTED,
            "        let Accepted { partner, request } = accepted;\n        tracing::info!(who = %request.customer.account_number, \"accepted\");\n",
        )],
        part: Part::Protocol,
        leak: &["log: accountNumber (raw)"],
    },
    Bug {
        name: "a log line with the session key in hexadecimal digits",
        edits: &[(
            "issue.rs",
            ACCEPTED,
            "        let Accepted { partner, request } = accepted;\n        tracing::info!(k = %request.session.key.expose().iter().map(|b| format!(\"{b:02x}\")).collect::<String>(), \"agreed\");\n",
        )],
        part: Part::Protocol,
        leak: &["log: a session key (hex)"],
    },
    Bug {
        name: "a key's Debug that shows it, in a log line",
        edits: &[
            (
                "partner.rs",
                "f.write_str(\"KeyDigest(redacted)\")",
                "write!(f, \"{:?}\", self.0)",
            ),
            (
                "issue.rs",
                ACCEPTED,
                "        let Accepted { partner, request } = accepted;\n        tracing::info!(?partner, \"accepted\");\n",
            ),
        ],
        part: Part::Protocol,
        leak: &["log: an API key's digest (decimal bytes)"],
    },
    Bug {
        name: "every library at TRACE",
        edits: &[("logs.rs", "LevelFilter::ERROR", "LevelFilter::TRACE")],
        part: Part::Protocol,
        leak: &[
            "log: an API key",
            "log: payload key canaria-key-",
            "log: header or variable Cookie",
        ],
    },
    Bug {
        name: "a reason that repeats the value",
        edits: &[(
            "request/rules.rs",
            "Err(\"must be an ASCII e-mail address of at most 254 characters\".into())",
            "Err(format!(\"{text} is no e-mail address\").into())",
        )],
        part: Part::Protocol,
        leak: &["sealed problem: email (raw)"],
    },
    Bug {
        name: "a header that comes back",
        edits: &[(
            "http/mod.rs",
            "        let mut trail = Trail::default();\n",
            "        let cookie = event.header(\"cookie\");\n        let request_id = cookie.as_deref().unwrap_or(request_id);\n        let mut trail = Trail::default();\n",
        )],
        part: Part::Protocol,
        leak: &[
            "status and headers: header or variable Cookie",
            "log: header or variable Cookie",
        ],
    },
    Bug {
        name: "an attribute that is not sealed",
        edits: &[(
            "record/store.rs",
            "                (\"sealed\", bytes(&draft.sealed)),\n",
            "                (\"sealed\", bytes(&draft.sealed)),\n                (\"who\", bytes(&draft.request.customer)),\n",
        )],
        part: Part::Protocol,
        leak: &[
            "table: accountNumber (raw)",
            "table: a value of data (JSON-escaped)",
        ],
    },
    Bug {
        name: "a record that is not encrypted",
        edits: &[(
            "record/mod.rs",
            "        record_key\n            .sealing\n            .seal(iv, key.0.as_bytes(), &mut contents)?;\n",
            "",
        )],
        part: Part::Protocol,
        leak: &[
            "table: a token's ciphertext (raw)",
            "table: accountNumber (raw)",
        ],
    },
    Bug {
        name: "a panic that shows the customer",
        edits: &[(
            "issue.rs",
            ACCEPTED,
            "        let Accepted { partner, request } = accepted;\n        assert!(partner.token_ttl.is_none(), \"not for {}\", request.customer.account_number);\n",
        )],
        part: Part::Protocol,
        leak: &["log: accountNumber (raw)", "failure: accountNumber (raw)"],
    },
    Bug {
        name: "AWS's code as it came",
        edits: &[(
            "aws.rs",
            "code.filter(|code| looks_like_a_code(code))",
            "code",
        )],
        part: Part::DynamoDbEchoes,
        leak: &["log: accountNumber (raw)", "log: email (raw)"],
    },
    Bug {
        name: "a refused document in the log",
        edits: &[(
            "secrets/cache.rs",
            "(self.read)(&text).map_err(AttemptError::from)",
            "(self.read)(&text).inspect_err(|_| tracing::warn!(text = text.as_str(), \"refused\")).map_err(AttemptError::from)",
        )],
        part: Part::Documents,
        leak: &[
            "log: payload key canaria-key-",
            "log: an API key's digest (hex)",
        ],
    },
    Bug {
        name: "a wrong variable's value in the log",
        edits: &[(
            "config.rs",
            "format!(\"{name} must be 1-64 printable ASCII characters\")",
            "format!(\"{name} must be 1-64 printable ASCII characters, not {value}\")",
        )],
        part: Part::Variables,
        leak: &["failure: token key canary-token-1 (base64url)"],
    },
    Bug {
        name: "the fingerprint's bytes are the customer",
        edits: &[(
            "record/store.rs",
            "(\"fingerprint\", bytes(&draft.fingerprint))",
            "(\"fingerprint\", text(&String::from_utf8_lossy(&draft.request.customer).chars().rev().collect::<String>()))",
        )],
        part: Part::Protocol,
        leak: &["table: accountNumber (reversed)"],
    },
];

/// A copy of the function's source in which one bug at a time is planted.
pub(super) struct Copy {
    source: PathBuf,
    copy: PathBuf,
    target: PathBuf,
}

impl Copy {
    pub(super) fn new() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // Of the test program's own directory, which is target/debug/deps.
        let program = env::current_exe().unwrap();
        let target = program.ancestors().nth(3).unwrap().join("planted");
        let copy = target.join("source");
        let _ = fs::remove_dir_all(&copy);
        copy_tree(&source.join("src"), &copy.join("src"));
        fs::copy(source.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();
        let manifest = fs::read_to_string(source.join("Cargo.toml")).unwrap();
        let members = manifest
            .lines()
            .find(|line| line.starts_with("members"))
            .unwrap();
        let manifest = manifest.replace(members, "members = [\".\"]");
        fs::write(copy.join("Cargo.toml"), manifest).unwrap();
        Self {
            source,
            copy,
            target,
        }
    }

    /// Builds the function with these edits, each of which must fit exactly once.
    pub(super) fn build(&self, edits: &[Edit]) -> PathBuf {
        for (file, from, to) in edits {
            let path = self.copy.join("src").join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(
                text.matches(from).count(),
                1,
                "{file} must have once: {from}"
            );
            fs::write(&path, text.replace(from, to)).unwrap();
        }
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--offline",
                "--bin",
                "token-service",
                "--target-dir",
            ])
            .arg(&self.target)
            .current_dir(&self.copy)
            .env("RUSTFLAGS", "-Awarnings")
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        for (file, ..) in edits {
            fs::copy(
                self.source.join("src").join(file),
                self.copy.join("src").join(file),
            )
            .unwrap();
        }
        self.target.join("debug/token-service")
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &to),
            false => {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}

#[tokio::test]
#[ignore = "builds the function once for each bug: minutes"]
async fn each_planted_bug_is_found() {
    let copy = Copy::new();
    for Bug {
        name,
        edits,
        part,
        leak,
    } in BUGS
    {
        let function = copy.build(edits);
        let found = leaks(&scenarios::run(&function, &[part]).await);
        for leak in leak {
            assert!(
                found.iter().any(|found| found.starts_with(leak)),
                "{name}: no {leak} in {found:#?}"
            );
        }
        println!("{name}: {} findings, among them {leak:?}", found.len());
    }
}

const TRIES: usize = 5;

/// What is taken away, and what is then still in memory.
const KEPT: [(&str, &[Edit], &str); 3] = [
    (
        "a key that is dropped as it is",
        &[(
            "keys.rs",
            "self.key = LessSafeKey::new(zeros);",
            "let _ = zeros;",
        )],
        "payload key",
    ),
    (
        "an HMAC state that is dropped as it is",
        &[(
            "record/mod.rs",
            "self.fingerprint = hmac::Key::new(HMAC_SHA256, &[0; 32]);",
            "",
        )],
        "HMAC state",
    ),
    (
        "a customer who is dropped as he is",
        &[
            (
                "request/mod.rs",
                "            member.zeroize();\n",
                "            let _ = member;\n",
            ),
            (
                "record/mod.rs",
                "json::write_secret(&request.customer)",
                "serde_json::to_vec(&request.customer).map(Zeroizing::new)",
            ),
        ],
        "",
    ),
];

#[tokio::test]
#[ignore = "builds the function once for each bug: minutes"]
async fn each_value_that_is_not_overwritten_is_found() {
    let copy = Copy::new();
    for (name, edits, kept) in KEPT {
        let function = copy.build(edits);
        // Where freed memory has a new tenant at once nothing is found: not every time.
        let mut broken = Vec::new();
        for _ in 0..TRIES {
            broken = memory::broken_promises(&memory::scans(&function).await);
            if broken.iter().any(|found| found.starts_with(kept)) {
                break;
            }
        }
        assert!(
            broken.iter().any(|found| found.starts_with(kept)),
            "{name}: {broken:?}"
        );
        println!("{name}: {broken:?}");
    }
}
