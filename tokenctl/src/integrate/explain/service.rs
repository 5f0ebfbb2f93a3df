//! The last word is the service's: what its own readers refuse is not sound, whatever was found
//! here.

use peers::credentials::Credentials;
use token_service::{
    jwe::{HeaderBuffer, Received},
    keys::{KeyId, SealingKey},
};

use super::findings::{Findings, Step};
use crate::integrate::rules;

/// Notes a body that the service does not take or open, if nothing was found wrong with it so far.
pub(super) fn confirm_form(
    received: &[u8],
    credentials: Option<&Credentials>,
    findings: &mut Findings,
) {
    if findings.has_fault() {
        return;
    }
    match Received::parse(bare(received), &mut HeaderBuffer::new()) {
        Err(fault) => findings.fault(Step::Segments, format!("the service refuses it: {fault}")),
        Ok(jwe) => {
            if credentials.is_some_and(|credentials| !opens(jwe, credentials)) {
                findings.fault(Step::Opening, "the service does not open it");
            }
        }
    }
}

/// Notes a request that the service does not take, if nothing was found wrong with it so far.
pub(super) fn confirm_plaintext(plaintext: &[u8], findings: &mut Findings) {
    if findings.has_fault() {
        return;
    }
    if let Err(fault) = rules::check(plaintext) {
        for words in rules::in_words(&fault, plaintext) {
            findings.fault(Step::Members, format!("the service refuses it: {words}"));
        }
    }
}

/// As the service does (protocol.md, Request: Body).
fn bare(body: &[u8]) -> &[u8] {
    let body = body.trim_ascii();
    body.strip_prefix(b"\"")
        .and_then(|body| body.strip_suffix(b"\""))
        .unwrap_or(body)
}

fn opens(jwe: Received<'_>, credentials: &Credentials) -> bool {
    let keys = credentials.payload_keys.iter();
    let named = keys.filter(|key| jwe.kid().is_none_or(|kid| kid == key.kid));
    let sealing = named.filter_map(|key| {
        let kid = KeyId::new(&key.kid)?;
        SealingKey::new(kid, &key.k).ok()
    });
    let sealing: Vec<SealingKey> = sealing.collect();
    jwe.open(sealing).is_some()
}
