//! IVs come from the system's generator: none repeats, and none depends on what is sealed.

use std::collections::{HashMap, HashSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use service_tests::{
    Event, Plain, Service, Session, acme, sdk,
    table::{Table, bytes_of},
};

/// Requests that differ in their `referenceId` only, each sent this often, and so the renewal of
/// its token.
const REQUESTS: usize = 100;
const TIMES: usize = 3;

fn iv(jwe: &str) -> Vec<u8> {
    let iv = URL_SAFE_NO_PAD.decode(jwe.split('.').nth(2).unwrap());
    let iv = iv.unwrap();
    assert_eq!(iv.len(), 12);
    iv
}

#[tokio::test]
async fn no_iv_repeats_and_none_depends_on_the_input() {
    let service = Service::start().await;
    let table = Table::of(&service);
    // By what they are of: a request's first answer and its replays, tokens, parts of records; and
    // ids, of the same generator.
    let mut seen: HashMap<&str, Vec<Vec<u8>>> = HashMap::new();
    let key = &acme().payload_keys[0];
    for at in 0..REQUESTS {
        if at == REQUESTS / 2 {
            // A new process does not begin anew.
            service.end_idle_instances().await;
        }
        // The very same bytes, the sender's IV included, but for the reference.
        let plain = Plain::of(&format!("reference-{at}"));
        let body = peers::jwe::seal_with_iv(plain.json().as_bytes(), &key.k, None, [7; 12]);
        let mut first = None;
        for time in 0..TIMES {
            let reply = service.invoke_event(&Event::of_body(&body)).await;
            assert_eq!(
                (reply.status, reply.is_replayed()),
                (200, time > 0),
                "{reply}"
            );
            seen.entry("answer").or_default().push(iv(&reply.body));
            if time == 0 {
                seen.entry("token").or_default().push(iv(reply.token()));
                let item = table.item(&plain.reference()).await;
                for part in ["sealed", "token"] {
                    let iv = bytes_of(&item, part)[..12].to_vec();
                    seen.entry("part of a record").or_default().push(iv);
                }
                let id = URL_SAFE_NO_PAD.decode(item["jti"].as_s().unwrap());
                seen.entry("jti").or_default().push(id.unwrap());
                first = Some(reply);
            }
        }
        let first = first.unwrap();
        let session = Session {
            reference: plain.reference(),
            account_number: "123123123".to_owned(),
            sdk_api_key: acme().sdk_api_key.clone(),
            key: sdk().session_key(first.text("serverPubKey")).unwrap(),
            token: first.token().to_owned(),
        };
        for time in 0..TIMES {
            let reply = service.renew(&session).await;
            let found = (reply.status, reply.is_replayed());
            assert_eq!(found, (200, time > 0), "{reply}");
            seen.entry("renewal's answer")
                .or_default()
                .push(iv(&reply.body));
            if time == 0 {
                seen.entry("token").or_default().push(iv(reply.token()));
                let item = table.item(&session.reference).await;
                let iv = bytes_of(&item, "token")[..12].to_vec();
                seen.entry("part of a record").or_default().push(iv);
                let id = URL_SAFE_NO_PAD.decode(item["jti"].as_s().unwrap());
                seen.entry("jti").or_default().push(id.unwrap());
            }
        }
        let ended = service.invalidate(&session.reference).await.issued();
        seen.entry("answer").or_default().push(iv(&ended.body));
    }
    let all: Vec<&Vec<u8>> = seen.values().flatten().collect();
    assert_eq!(all.len(), REQUESTS * (2 * TIMES + 8));
    assert_eq!(
        all.iter().collect::<HashSet<_>>().len(),
        all.len(),
        "one repeats"
    );
    for (kind, values) in &seen {
        // A counter or a clock leaves most bits as they are; each bit of a random one is set in
        // about half of them. Ten standard deviations: that never happens by chance.
        let (count, bits) = (values.len() as f64, values[0].len() * 8);
        for bit in 0..bits {
            let set = values
                .iter()
                .filter(|value| value[bit / 8] >> (bit % 8) & 1 == 1);
            let distance = (set.count() as f64 - count / 2.0).abs() / (count.sqrt() / 2.0);
            assert!(
                distance < 10.0 && count >= 100.0,
                "bit {bit} of {kind}: {distance} deviations"
            );
        }
    }
}
