//! Opening with each key that is at hand, and, where none opens, in each way in which libraries are
//! known to differ.

use peers::{
    credentials::{Credentials, Jwk},
    jwe::{open_a256gcm, unwrap_a256kw},
};

use super::{
    findings::{Findings, Step},
    form::Parts,
    header::Named,
    wrong_keys::{self, WrongKey},
};
use crate::integrate::page::quoted;

/// The kind of key that opens a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    PayloadKey,
    SessionKey,
}

impl Opener {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::PayloadKey => "a payload key",
            Self::SessionKey => "the session key",
        }
    }
}

/// The keys at hand.
#[derive(Clone, Copy)]
pub(super) struct KeysAtHand<'k> {
    pub(super) credentials: Option<&'k Credentials>,
    pub(super) session_key: Option<&'k [u8; 32]>,
}

/// What came of it.
pub(super) struct Attempt {
    /// With the kind of key that opened it.
    pub(super) plaintext: Option<(Vec<u8>, Opener)>,
    /// It is a token: sealed under a key that no partner has.
    pub(super) is_token: bool,
}

/// Where a library may have put something else than RFC 7516 says.
struct Reading {
    aad: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
    /// `None` for the RFC's own.
    instead: Option<&'static str>,
}

/// Tries to open it.
pub(super) fn attempt(
    parts: &Parts,
    named: &Named,
    at_hand: KeysAtHand<'_>,
    findings: &mut Findings,
) -> Attempt {
    let closed = |is_token| Attempt {
        plaintext: None,
        is_token,
    };
    let opened = |plaintext, opener, instead: Option<&'static str>, findings: &mut Findings| {
        match instead {
            None => findings.ok(
                Step::Opening,
                "the tag fits: header, IV, ciphertext and tag are as they were sealed",
            ),
            Some(instead) => findings.fault(Step::Opening, instead),
        }
        Attempt {
            plaintext: Some((plaintext, opener)),
            is_token: false,
        }
    };
    if let Some(session_key) = at_hand.session_key {
        let key = Jwk {
            kid: String::new(),
            k: *session_key,
        };
        // The service looks at no kid here.
        if let Some((_, instead, plaintext)) = try_all(parts, &Named::default(), &[key]) {
            findings.ok(Step::Opening, "the session key opens it");
            return opened(plaintext, Opener::SessionKey, instead, findings);
        }
        let key = Jwk {
            kid: String::new(),
            k: *session_key,
        };
        if let Some((wrong, instead, plaintext)) = try_wrong_keys(parts, wrong_keys::of_key(&key)) {
            report_wrong_key(&wrong, "session key", instead, findings);
            return Attempt {
                plaintext: Some((plaintext, Opener::SessionKey)),
                is_token: false,
            };
        }
    }
    let credentials = at_hand.credentials;
    let keys = credentials.map_or(&[][..], |it| &it.payload_keys);
    let found = try_all(parts, named, keys);
    let is_ours = named
        .kid
        .as_ref()
        .is_some_and(|kid| keys.iter().any(|key| key.kid == *kid));
    // A request may say so too: its library's habit, which the service ignores.
    if named.typ.as_deref() == Some("JWT") && !is_ours && found.is_none() {
        findings.note(
            Step::Key,
            "it is a token (typ is JWT): only a resource server that has the token ring opens it. It goes to the SDK as it \
             is, and tokenctl introspect asks the service about it",
        );
        return closed(true);
    }
    if at_hand.session_key.is_some() {
        let closed = "the session key does not open it";
        match credentials {
            Some(_) => findings.note(Step::Opening, closed),
            None => findings.fault(Step::Opening, closed),
        }
    }
    let Some(credentials) = credentials else {
        findings.note(
            Step::Key,
            "it was not opened: name your credentials with --credentials to look inside, or a renewal's session key with \
             --session-key",
        );
        return closed(false);
    };
    let wrong = match found {
        Some(_) => None,
        None => try_wrong_keys_of(parts, credentials),
    };
    if wrong.is_none() {
        examine_key(named, credentials, findings);
    }
    let Some((key, instead, plaintext)) = found else {
        if let Some((wrong, instead, plaintext)) = wrong {
            report_wrong_key(&wrong, "payload key", instead, findings);
            return Attempt {
                plaintext: Some((plaintext, Opener::PayloadKey)),
                is_token: false,
            };
        }
        unopened(parts, named, credentials, findings);
        return closed(false);
    };
    report_key(&key, named, findings);
    opened(plaintext, Opener::PayloadKey, instead, findings)
}

/// Each way with each key, the one that is named first; what opened it, and how.
fn try_all(
    parts: &Parts,
    named: &Named,
    keys: &[Jwk],
) -> Option<(Jwk, Option<&'static str>, Vec<u8>)> {
    let mut keys: Vec<&Jwk> = keys.iter().collect();
    keys.sort_by_key(|key| named.kid.as_ref() != Some(&key.kid));
    let iv = parts.iv.as_deref()?.try_into().ok()?;
    readings(parts).into_iter().find_map(|reading| {
        let tag = reading.tag.as_slice().try_into().ok()?;
        keys.iter().find_map(|key| {
            let text = open_a256gcm(&key.k, iv, &reading.aad, reading.ciphertext.clone(), tag);
            Some(((*key).clone(), reading.instead, text.ok()?))
        })
    })
}

/// Each way with each key that the credentials' keys become where they are not decoded as they must
/// be, and with each key that is wrapped under one of theirs.
fn try_wrong_keys_of(parts: &Parts, credentials: &Credentials) -> Option<Wrongly> {
    let keys = &credentials.payload_keys;
    let wrapped = keys.iter().filter_map(|key| {
        let is = format!(
            "a key of its own, which {} wraps (alg {}, where dir is due)",
            quoted(&key.kid),
            parts.other_alg.as_deref().map(quoted)?,
        );
        let key = unwrap_a256kw(&key.k, &parts.encrypted_key)?.into();
        Some(WrongKey { key, is })
    });
    let of_keys = keys.iter().flat_map(wrong_keys::of_key);
    let others = wrong_keys::of_credentials(credentials);
    try_wrong_keys(parts, wrapped.chain(of_keys).chain(others))
}

/// A wrong key, the way in which it opens, and what is inside.
type Wrongly = (WrongKey, Option<&'static str>, Vec<u8>);

fn try_wrong_keys(parts: &Parts, keys: impl IntoIterator<Item = WrongKey>) -> Option<Wrongly> {
    keys.into_iter().find_map(|wrong| {
        let jwk = Jwk {
            kid: String::new(),
            k: *wrong.key,
        };
        let (_, instead, plaintext) = try_all(parts, &Named::default(), &[jwk])?;
        Some((wrong, instead, plaintext))
    })
}

fn report_wrong_key(
    wrong: &WrongKey,
    name: &str,
    instead: Option<&'static str>,
    findings: &mut Findings,
) {
    if let Some(instead) = instead {
        findings.fault(Step::Opening, instead);
    }
    let is = &wrong.is;
    // The header's fault is told already.
    if is.starts_with("a key of its own") {
        findings.note(Step::Opening, format!("it opens under {is}"));
        return;
    }
    findings.fault(
        Step::Opening,
        format!(
            "the key is wrong: it opens under {is}. Decode the {name} from base64url (43 characters), and use its 32 \
             bytes as they are"
        ),
    );
}

/// Whether the key that is named is at hand.
fn examine_key(named: &Named, credentials: &Credentials, findings: &mut Findings) {
    let Some(kid) = &named.kid else {
        return;
    };
    if credentials.payload_key(kid).is_some() {
        findings.ok(
            Step::Key,
            format!("the credentials have the key {}, of 32 bytes", quoted(kid)),
        );
    } else {
        let keys = credentials.payload_keys.iter();
        let names: Vec<&str> = keys.map(|key| key.kid.as_str()).collect();
        findings.fault(
            Step::Key,
            format!(
                "the kid {} is none of the credentials' payload keys: they have {}",
                quoted(kid),
                names.join(", ")
            ),
        );
    }
}

fn readings(parts: &Parts) -> Vec<Reading> {
    let as_received = parts.protected.as_bytes().to_vec();
    let (ciphertext, tag) = (
        parts.ciphertext.clone().unwrap_or_default(),
        parts.tag.clone().unwrap_or_default(),
    );
    let reading = |aad, instead| Reading {
        aad,
        ciphertext: ciphertext.clone(),
        tag: tag.clone(),
        instead,
    };
    let padded = |text: &str| format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    let mut readings = vec![
        reading(as_received.clone(), None),
        reading(
            padded(&parts.protected).into_bytes(),
            Some(
                "it was changed or sealed in another way: it opens only with the first segment and its padding (=) as \
                 AAD. The AAD must be the first segment as it is sent",
            ),
        ),
        reading(
            Vec::new(),
            Some(
                "it was changed or sealed in another way: it opens only without AAD. The AAD must be the first segment as \
                 it is sent (RFC 7516 section 5.1), so that the header is protected",
            ),
        ),
    ];
    if let Some(header) = &parts.header {
        readings.push(reading(
            header.clone(),
            Some(
                "it was changed or sealed in another way: it opens only with the header's JSON as AAD. The AAD must be the \
                 first segment as it is sent, in base64url (RFC 7516 section 5.1)",
            ),
        ));
    }
    if let (false, Some(inner)) = (tag.is_empty(), ciphertext.strip_suffix(tag.as_slice())) {
        readings.push(Reading {
            aad: as_received.clone(),
            ciphertext: inner.to_vec(),
            tag: tag.clone(),
            instead: Some(
                "its tag is at the end of the ciphertext too, where Java and Go leave it: cut the last 16 bytes off",
            ),
        });
    }
    if let (Some(iv), Some(inner)) = (
        parts.iv.as_deref().filter(|iv| !iv.is_empty()),
        parts
            .iv
            .as_deref()
            .and_then(|iv| ciphertext.strip_prefix(iv)),
    ) && iv.len() == 12
    {
        readings.push(Reading {
            aad: as_received.clone(),
            ciphertext: inner.to_vec(),
            tag: tag.clone(),
            instead: Some(
                "its IV is before the ciphertext too: send it as the third segment alone, and cut it off there",
            ),
        });
    }
    if let (true, Some((text, last))) = (tag.is_empty(), ciphertext.split_last_chunk::<16>()) {
        readings.push(Reading {
            aad: as_received,
            ciphertext: text.to_vec(),
            tag: last.to_vec(),
            instead: Some(
                "its tag is at the end of the ciphertext, where Java and Go leave it: cut the last 16 bytes off and send \
                 them as the fifth segment",
            ),
        });
    }
    readings
}

fn report_key(key: &Jwk, named: &Named, findings: &mut Findings) {
    let opener = quoted(&key.kid);
    match &named.kid {
        Some(kid) if *kid == key.kid => {
            findings.ok(Step::Opening, format!("the key {opener} opens it"));
        }
        // That it names none of them is told already.
        Some(_) if findings.has_fault_at(Step::Key) => {
            findings.note(
                Step::Opening,
                format!("the key {opener} opens it: name that"),
            );
        }
        Some(kid) => findings.fault(
            Step::Opening,
            format!(
                "it names the key {}, but another key opens it, {opener}: name the key that seals",
                quoted(kid)
            ),
        ),
        None => findings.ok(
            Step::Opening,
            format!("the key {opener} of the credentials opens it"),
        ),
    }
}

fn unopened(parts: &Parts, named: &Named, credentials: &Credentials, findings: &mut Findings) {
    let complete = parts.iv.as_deref().is_some_and(|iv| iv.len() == 12)
        && parts.tag.as_deref().is_some_and(|tag| tag.len() == 16)
        && parts.ciphertext.is_some();
    // What is wrong already may be why: that is one fault, and not two.
    let is_told = [Step::Body, Step::Segments, Step::Header, Step::Key]
        .into_iter()
        .any(|step| findings.has_fault_at(step));
    if !complete || parts.other_alg.is_some() || parts.other_enc.is_some() {
        findings.note(
            Step::Opening,
            "it cannot be opened before that is put right",
        );
        return;
    }
    let count = credentials.payload_keys.len();
    let tried = match (&named.kid, count) {
        (Some(kid), _) if credentials.payload_key(kid).is_some() && count == 1 => {
            format!("the key {} does not open it", quoted(kid))
        }
        (Some(kid), _) if credentials.payload_key(kid).is_some() => {
            format!(
                "neither the key {} nor another one of the credentials opens it",
                quoted(kid)
            )
        }
        _ => "no payload key of the credentials opens it".to_owned(),
    };
    if is_told {
        findings.note(
            Step::Opening,
            format!("{tried}: put that right first, and look again"),
        );
        return;
    }
    findings.fault(
        Step::Opening,
        format!(
            "{tried}: it was sealed with another key, or its header, IV, ciphertext or tag was changed or cut off on its \
             way. Nor do the bytes that a wrong decoding of k gives"
        ),
    );
}
