//! Small messages that make a receiver work hard. What they cost is counted by `make attacks`; here
//! they are refused.

use peers::jwe::seal_with_header;
use service_tests::{Event, Plain, Service, acme};

use super::{refuses, under};

/// The largest body.
const LIMIT: usize = 32 * 1024;

/// DEFLATE (RFC 1951, fixed codes) of a run of zeros: 13 bits for every 258 of them.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut packed = Vec::new();
    let (mut byte, mut bits) = (0_u8, 0);
    let mut put = |code: u16, count: u32, from_the_top: bool| {
        for at in 0..count {
            let bit = if from_the_top { count - 1 - at } else { at };
            byte |= u8::from(code >> bit & 1 == 1) << bits;
            bits += 1;
            if bits == 8 {
                packed.push(std::mem::take(&mut byte));
                bits = 0;
            }
        }
    };
    put(1, 1, false); // The last block,
    put(1, 2, false); // of fixed codes:
    put(0x30, 8, true); // a zero,
    for _ in 0..bytes * 8 / 13 {
        put(0b1100_0101, 8, true); // and 258 more,
        put(0, 5, true); // each from one before it.
    }
    put(0, 7, true); // The end.
    put(0, 7, true);
    packed
}

/// CVE-2024-28180 (go-jose), CVE-2024-28176 (jose), CVE-2024-28102 and CVE-2026-39373 (jwcrypto),
/// CVE-2024-33664 (python-jose): a body that inflates to a thousand times its size.
#[tokio::test]
async fn inflates_nothing() {
    let service = Service::start().await;
    let bomb = bomb(20_000);
    assert!(bomb.len() < 21_000 && bomb.len() / 13 * 8 * 258 > 3_000_000);
    let key = &acme().payload_keys[0];
    let zips = [
        r#""zip":"DEF""#,
        r#""zip":"def""#,
        r#""zip":"GZ""#,
        r#""zip":"""#,
        r#""zip":null"#,
        r#""zip":["DEF"]"#,
        r#""z\u0069p":"DEF""#,
        r#""zip":"DEF","crit":["zip"]"#,
    ];
    let bodies = zips.map(|zip| {
        let header = format!(r#"{{"alg":"dir","enc":"A256GCM",{zip}}}"#);
        (zip, seal_with_header(&header, &bomb, &key.k, [9; 12]))
    });
    refuses(&service, &bodies).await;
    // Without `zip` it is no JSON.
    service.ask_bytes(&bomb).await.refused(400, "TOK400");
}

/// CVE-2023-50967 (latchset jose), CVE-2023-52428 (Nimbus), CVE-2023-49290 (jwx), CVE-2023-50966
/// (erlang-jose), CVE-2026-27932 (joserfc), GHSA-2c7c-3mj9-8fqh (go-jose): PBKDF2 with the sender's
/// count.
#[tokio::test]
async fn derives_no_key_from_a_password() {
    let service = Service::start().await;
    let mut bodies = Vec::new();
    for alg in [
        "PBES2-HS256+A128KW",
        "PBES2-HS384+A192KW",
        "PBES2-HS512+A256KW",
    ] {
        for count in ["2147483647", "18446744073709551615", "1e308", "-1"] {
            let header = format!(r#"{{"alg":"{alg}","enc":"A256GCM","p2s":"AAAA","p2c":{count}}}"#);
            let body = under(&header);
            bodies.push((
                header.clone(),
                body.replacen("..", &format!(".{}.", "A".repeat(54)), 1),
            ));
            bodies.push((header, body));
        }
    }
    refuses(&service, &bodies).await;
    // With `dir` nobody counts.
    let header = r#"{"alg":"dir","enc":"A256GCM","p2s":"AAAA","p2c":2147483647}"#;
    service.post(&under(header)).await.issued();
}

/// CVE-2025-27144 (go-jose), CVE-2025-30204 (golang-jwt): a list of as many segments as there are
/// dots.
#[tokio::test]
async fn splits_no_more_than_five_segments() {
    let service = Service::start().await;
    let jwe = under(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let header = jwe.split('.').next().unwrap();
    let mut bodies = vec![
        ("dots", ".".repeat(LIMIT)),
        ("pairs", "A.".repeat(LIMIT / 2)),
    ];
    for dots in [0, 1, 2, 3, 5, 6, 1000] {
        bodies.push(("dots alone", ".".repeat(dots)));
        bodies.push(("a header and dots", format!("{header}{}", ".".repeat(dots))));
        bodies.push(("a JWE and dots", format!("{jwe}{}", ".".repeat(dots + 1))));
        bodies.push(("dots and a JWE", format!("{}{jwe}", ".".repeat(dots + 1))));
    }
    // Empty and odd segments in every place.
    for at in 0..5 {
        for segment in [
            "", "A", "AA", "AAA", "AAAAA", "=", "====", "A===", " ", "\u{0}",
        ] {
            let mut segments: Vec<&str> = jwe.split('.').collect();
            if segments[at] != segment {
                segments[at] = segment;
                bodies.push(("an odd segment", segments.join(".")));
            }
        }
    }
    refuses(&service, &bodies).await;
}

/// CVE-2026-34986 (go-jose): an empty encrypted key under a wrapping algorithm ended the process.
#[tokio::test]
async fn unwraps_no_key() {
    let service = Service::start().await;
    let mut bodies = Vec::new();
    for alg in [
        "A128KW",
        "A256KW",
        "A256GCMKW",
        "ECDH-ES+A256KW",
        "RSA-OAEP",
        "dir",
    ] {
        let jwe = under(&format!(
            r#"{{"alg":"{alg}","enc":"A256GCM","iv":"","tag":"","epk":{{}}}}"#
        ));
        for key in ["", "A", "AAAA", &"A".repeat(54), &"A".repeat(30_000)] {
            if (alg, key) != ("dir", "") {
                bodies.push((alg, jwe.replacen("..", &format!(".{key}."), 1)));
            }
        }
    }
    refuses(&service, &bodies).await;
}

#[tokio::test]
async fn decodes_no_oversized_segment() {
    let service = Service::start().await;
    let jwe = under(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let bodies: Vec<_> = [0, 1, 2, 4]
        .iter()
        .flat_map(|at| {
            let jwe = &jwe;
            ["A", "_", "*"].map(|filler| {
                let mut segments: Vec<String> = jwe.split('.').map(str::to_owned).collect();
                segments[*at] = filler.repeat(LIMIT - jwe.len());
                ("an oversized segment", segments.join("."))
            })
        })
        .collect();
    assert!(bodies.iter().all(|(_, body)| body.len() <= LIMIT));
    refuses(&service, &bodies).await;
    // More than that is not even looked at, authenticated or not, in base64 or not.
    for event in [
        Event::of_body(&".".repeat(LIMIT + 1)),
        Event::of_body("").base64(&"A".repeat(6_000_000)),
        Event::of_body(&"{".repeat(6_000_000)).without_header("X-API-KEY"),
    ] {
        service
            .invoke_event(&event)
            .await
            .refused_plainly(413, "TOK413");
    }
    service.ask(&Plain::new()).await.issued();
}

/// CVE-2025-59420 (Authlib) and others that followed: extensions that must be understood, and were
/// not.
#[tokio::test]
async fn understands_no_extension() {
    let service = Service::start().await;
    let members = [
        r#""crit":["cnf"],"cnf":{"jkt":"thumb-42"}"#,
        r#""crit":["bork"],"bork":"x""#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":["alg"]"#,
        r#""crit":["crit"]"#,
        r#""crit":["exp","exp"],"exp":0"#,
        r#""crit":"exp""#,
        r#""crit":{}"#,
        r#""crit":[null]"#,
        r#""\u0063\u0072\u0069\u0074":["bork"]"#,
    ];
    let header = |member: &str| format!(r#"{{"alg":"dir","enc":"A256GCM",{member}}}"#);
    refuses(
        &service,
        &members.map(|member| (member, under(&header(member)))),
    )
    .await;
}
