//! What a renewal and an introspection have in memory besides: the session key, which the presented
//! token brings.

use serde_json::Value;
use service_tests::Session;

use super::{Canaries, Needles, Sandbox, Scan, ask, ask_under, others, pid, print, scan, start};

/// Sessions, each of which does everything once.
const SESSIONS: usize = 3;

/// What the service itself overwrites. An introspection's answer has the account number and the
/// session key, too: the Lambda runtime's copies of it are overwritten by chance only.
const PROMISED: [&str; 2] = ["a session key (raw)", "a resource server's secret (raw)"];

async fn a_few_of_others(sandbox: &Sandbox, canaries: &Canaries) {
    for _ in 0..3 {
        ask(sandbox, canaries, &others(canaries)).await;
    }
}

async fn renew(sandbox: &Sandbox, canaries: &Canaries, session: &Session) {
    let event = canaries.among_headers(session.event());
    ask_under(sandbox, &session.key, &event).await;
}

async fn introspect(sandbox: &Sandbox, canaries: &Canaries, session: &Session) {
    let (id, secret) = (&canaries.server.resource_server_id, &canaries.server.secret);
    let event = canaries.introspection(&format!("token={}", session.token), id, secret);
    let answer = sandbox.invoke(&event.json()).await.unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["active"], true, "{body}");
}

/// Before, after three renewals, after requests of others, after three introspections, and after
/// requests of others again.
async fn scans() -> [Scan; 5] {
    let canaries = Canaries::new();
    let sandbox = start(&canaries).await;
    let mut needles = Needles::default();
    needles.add("accountNumber", super::ACCOUNT.as_bytes());
    let secret = canaries.server.secret.as_bytes();
    needles.add("a resource server's secret", secret);
    let (kid, token_key) = &super::super::canaries::keys(&canaries.server_keys["token"])[0];
    needles.add(&format!("token key {kid}"), token_key);
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        let plain = canaries.plain();
        let event = canaries.event(&canaries.seal(&plain.json(), true));
        let answer = ask(&sandbox, &canaries, &event).await;
        let session = canaries.begun(plain.reference(), &answer);
        needles.add("a session key", &session.key);
        needles.add("a token", session.token.as_bytes());
        sessions.push(session);
    }
    a_few_of_others(&sandbox, &canaries).await;
    let before = scan(pid(&sandbox), &needles);
    for session in &sessions {
        renew(&sandbox, &canaries, session).await;
    }
    let renewed = scan(pid(&sandbox), &needles);
    a_few_of_others(&sandbox, &canaries).await;
    let later = scan(pid(&sandbox), &needles);
    for session in &sessions {
        introspect(&sandbox, &canaries, session).await;
    }
    let introspected = scan(pid(&sandbox), &needles);
    a_few_of_others(&sandbox, &canaries).await;
    let last = scan(pid(&sandbox), &needles);
    sandbox.stop().await;
    [before, renewed, later, introspected, last]
}

#[tokio::test]
async fn session_keys_leave_memory_after_a_renewal_and_after_an_introspection() {
    let scans = scans().await;
    println!(
        "copies before, after {SESSIONS} renewals, 3 requests later, after {SESSIONS} \
         introspections, 3 requests later"
    );
    print(&scans);
    for scan in &scans {
        println!("off the stack: {:?}", scan.off_the_stack);
    }
    for scan in &scans {
        let live = "token key canary-token-1 (raw)";
        assert!(
            scan.copies.contains_key(live),
            "{live} is in use, and not found"
        );
    }
    let [_, _, later, _, last] = &scans;
    for scan in [later, last] {
        for promised in PROMISED {
            assert_eq!(scan.copies.get(promised), None, "{promised} is still there");
        }
    }
}
