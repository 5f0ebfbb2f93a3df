//! The process's memory, read from outside: what stays there of keys that were rotated out and of
//! requests long answered.
//!
//! Zeroizing is a promise about a value's last place and not about every place that it was in. So
//! this counts copies before and after, asserts where the service can keep the promise, and prints
//! the rest: docs/security-evidence.md, Memory.

mod sessions;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader},
    os::unix::fs::FileExt,
    time::{Duration, Instant},
};

use peers::jwe;
use sandbox::{Logs, Options, Sandbox};
use serde_json::{Value, json};
use service_tests::{Event, Plain, put_secret};

use super::{
    canaries::{ACCOUNT, AWS, CUSTOMER, Canaries},
    forms::Needles,
};

/// How many requests of others come after the last one that is searched for.
const LATER: usize = 20;

/// How often something is in memory, by its name.
type Copies = BTreeMap<String, usize>;

/// What was found at one time.
struct Scan {
    copies: Copies,
    /// Without those on the stack, where a value that was made or moved is overwritten by chance
    /// only.
    off_the_stack: Copies,
    bytes: usize,
}

/// Every writable page of a process. Needs the right to trace it, which a parent has.
fn scan(pid: u32, needles: &Needles) -> Scan {
    let maps = File::open(format!("/proc/{pid}/maps")).expect("the process runs");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("its parent may read it");
    let (mut copies, mut off_the_stack, mut bytes) = (Copies::new(), Copies::new(), 0);
    for line in BufReader::new(maps).lines() {
        let line = line.unwrap();
        let (range, rest) = line.split_once(' ').unwrap();
        if !rest.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut region = vec![0; usize::try_from(end - start).unwrap()];
        if memory.read_exact_at(&mut region, start).is_err() {
            continue;
        }
        bytes += region.len();
        for (found, _) in needles.occurrences(&region) {
            let name = format!("{} ({})", found.name, found.form);
            if !rest.ends_with("[stack]") {
                *off_the_stack.entry(name.clone()).or_default() += 1;
            }
            *copies.entry(name).or_default() += 1;
        }
    }
    Scan {
        copies,
        off_the_stack,
        bytes,
    }
}

/// The service right after its last request, a few requests of others later, and `LATER` requests
/// after both of its secrets were replaced.
async fn scans() -> [Scan; 3] {
    let (old, new) = (Canaries::new(), Canaries::of("new "));
    let sandbox = start(&old).await;
    let mut needles = old.needles();
    needles.add("accountNumber", ACCOUNT.as_bytes());
    // What is freed and small has a new tenant at once. In the middle of something large it stays
    // longer, and of many such places not all have a new tenant at once.
    let long = "canary in the middle of a long value";
    needles.add_raw("long value", long.as_bytes());
    let value = format!("{0}{long}{0}", "x".repeat(450));
    let data: BTreeMap<_, _> = (0..8).map(|at| (format!("long {at}"), &value)).collect();
    let data = json!(data);
    for _ in 0..3 {
        let plain = old.plain().with("data", &data.to_string());
        let body = old.seal(&plain.json(), true);
        let answer = ask(&sandbox, &old, &old.event(&body)).await;
        for (name, secret) in old.session(answer["serverPubKey"].as_str().unwrap()) {
            needles.add(name, &secret);
        }
        let token = answer["token"].as_str().unwrap();
        needles.add("a token", token.as_bytes());
    }
    let at_once = scan(pid(&sandbox), &needles);
    for _ in 0..3 {
        ask(&sandbox, &old, &others(&old)).await;
    }
    let soon = scan(pid(&sandbox), &needles);

    put_secret(&sandbox, "api-keys", &new.api_keys).await;
    put_secret(&sandbox, "server-keys", &new.server_keys).await;
    let put = Instant::now();
    tokio::time::sleep_until((put + Duration::from_millis(1_050)).into()).await;
    for _ in 0..LATER {
        let answer = ask(&sandbox, &new, &others(&new)).await;
        let token = answer["token"].as_str().expect("the new keys are in use");
        peers::resource_server::open_token(token, &new.server_keys).unwrap();
    }
    let later = scan(pid(&sandbox), &needles);
    sandbox.stop().await;
    [at_once, soon, later]
}

/// One process, which refreshes its secrets each second.
async fn start(canaries: &Canaries) -> Sandbox {
    let quick = [
        ("SECRETS_TTL_SECONDS", "1"),
        ("SECRETS_MIN_REFRESH_SECONDS", "1"),
    ];
    let env = AWS.iter().chain(&quick);
    let options = Options {
        logs: Logs::Capture,
        max_instances: 1,
        env: env
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        api_keys: Some(canaries.api_keys.clone()),
        server_keys: Some(canaries.server_keys.clone()),
        ..Options::default()
    };
    Sandbox::start(options).await.expect("the sandbox starts")
}

fn pid(sandbox: &Sandbox) -> u32 {
    let pids = sandbox.function_pids();
    assert_eq!(pids.len(), 1, "one process from the first to the last");
    pids[0]
}

/// A request in which nothing is searched for but the partner's keys.
fn others(canaries: &Canaries) -> Event {
    let plain = Plain::new().text("sdkApiKey", &canaries.partner.sdk_api_key);
    Event::of_body(&canaries.seal(&plain.json(), true))
        .header("X-API-KEY", &canaries.partner.api_key)
}

async fn ask(sandbox: &Sandbox, canaries: &Canaries, event: &Event) -> Value {
    ask_under(sandbox, &canaries.partner.payload_keys[0].k, event).await
}

/// Asks for something whose answer this key opens.
async fn ask_under(sandbox: &Sandbox, key: &[u8; 32], event: &Event) -> Value {
    let answer = sandbox.invoke(&event.json()).await.unwrap();
    let opened = jwe::open(answer["body"].as_str().unwrap(), key);
    let opened = opened.unwrap_or_else(|error| panic!("{error}: {answer}"));
    let members = opened.json().unwrap();
    assert_eq!(members["resCode"], "TOK200", "{members}");
    members
}

/// How often each needle was found, a column for each scan.
fn print(scans: &[Scan]) {
    let names: BTreeSet<&String> = scans.iter().flat_map(|scan| scan.copies.keys()).collect();
    for name in names {
        let copies = scans.iter().map(|scan| scan.copies.get(name));
        let copies = copies.map(|copies| format!("{:4} ", copies.copied().unwrap_or(0)));
        println!("{} {name}", copies.collect::<String>());
    }
}

/// What the service overwrites and was found all the same: of a request as soon as it is answered
/// or others have come, of a key as soon as it is out of service.
///
/// Not promised: the text of the secrets' documents (keys in base64url, digests in hexadecimal
/// digits), which stays in buffers of the AWS SDK's HTTP client for a while; nor headers, which
/// stay in those of the runtime's.
fn broken_promises([at_once, soon, later]: &[Scan; 3]) -> Vec<String> {
    let found = |copies: &Copies, promised: &[&str]| {
        let names = copies.keys().cloned();
        let broken = names.filter(|name| promised.iter().any(|start| name.starts_with(start)));
        broken.collect::<Vec<_>>()
    };
    let customer = CUSTOMER.map(|(name, _)| name);
    let of_a_request = [&AT_ONCE[..], &SOON, &customer].concat();
    [
        found(&at_once.copies, &AT_ONCE),
        found(&soon.copies, &of_a_request),
        found(&later.copies, &of_a_request),
        found(&later.off_the_stack, &OF_KEYS),
        hmac_states(&later.off_the_stack),
    ]
    .concat()
}

/// The states of record keys' HMACs, of which each key has two in its last place. One of them may
/// come to the heap by chance: what once lay on the stack is copied with a large value that was
/// made there and does not fill its place.
fn hmac_states(copies: &Copies) -> Vec<String> {
    let states = copies
        .iter()
        .filter(|(name, _)| name.starts_with("HMAC state of canary-record"));
    let kept = states.filter(|(_, copies)| **copies > 1);
    kept.map(|(name, _)| name.clone()).collect()
}

/// Members from the middle of the customer's canonical JSON.
const AT_ONCE: [&str; 5] = ["firstName", "lastName", "name", "email", "long value"];

/// Besides the customer. Derived on the stack, or among the bytes that `ring` hashes first or last
/// and keeps until the next call, as is the rest of the customer.
const SOON: [&str; 4] = [
    "a session key",
    "a shared secret",
    "a key of data",
    "a value of data",
];

const OF_KEYS: [&str; 6] = [
    "payload key canaria-key-1 (raw)",
    "payload key canaria-key-2 (raw)",
    "payload key canaria-key-3 (raw)",
    "token key canary-token-1 (raw)",
    "token key canary-token-2 (raw)",
    "record seal v1",
];

/// Of these a copy is in use.
const LIVE: [&str; 5] = [
    "payload key canaria-key-1 (raw)",
    "token key canary-token-1 (raw)",
    "record seal v1 of canary-record-1 (raw)",
    "HMAC state of canary-record-1 (raw)",
    "an API key's digest (raw)",
];

#[tokio::test]
async fn old_keys_and_old_requests_leave_memory() {
    let scans = scans().await;
    let [at_once, ..] = &scans;
    println!(
        "searched: {:?} bytes",
        scans.each_ref().map(|scan| scan.bytes)
    );
    println!("copies at once, 3 requests later, {LATER} requests after the rotation");
    print(&scans);
    // Without these the search would be blind: keys that are in use are in memory.
    for live in LIVE {
        assert!(
            at_once.copies.contains_key(live),
            "{live} is in use, and not found"
        );
    }
    let broken = broken_promises(&scans);
    assert!(broken.is_empty(), "{broken:#?}");
}
