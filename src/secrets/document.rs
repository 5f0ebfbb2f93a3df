//! The two secrets' documents, read into partners and rings (protocol.md, Secrets).
//!
//! A document is refused whole, with the path of each member that breaks a rule and never its
//! value. How members are reached and faults noted is the business of [`node`].

mod node;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use super::{ApiKeys, ServerKeys};
use crate::{
    json::{self, JsonFault, Value},
    keys::{KeyBytes, KeyId, KeyRing, Named, SealingKey},
    partner::{KeyDigest, Partner, PartnerId, Partners},
    record::RecordKey,
    resource_server::{ResourceServer, ResourceServers},
    token::Lifetime,
};
use node::{Node, Noted};

/// Largest secret in bytes; Secrets Manager's own limit.
const MAX_BYTES: usize = 64 * 1024;

/// Deepest nesting of a document, a JWK's own members included.
const MAX_DEPTH: usize = 16;

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// Over 64 KiB.
    #[error("the secret is over 65536 bytes")]
    Size,
    /// Not one JSON object of sound structure.
    #[error("the secret {fault}{}{hint}", at(fault))]
    Json {
        /// The fault.
        fault: JsonFault,
        /// What the text is instead, or nothing.
        hint: &'static str,
    },
    /// A member breaks a rule.
    #[error("{path} {rule}")]
    Member {
        /// As `partners[0].payloadKeys.keys[1].k`.
        path: String,
        /// The rule.
        rule: &'static str,
    },
}

fn at(fault: &JsonFault) -> String {
    match fault {
        JsonFault::Repeated { path }
        | JsonFault::LoneSurrogate { path }
        | JsonFault::TooDeep { path, .. } => format!(": {path}"),
        JsonFault::NotUtf8 | JsonFault::Syntax { .. } | JsonFault::NotAnObject => String::new(),
    }
}

/// Every fault of a document, in the order of its members. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFaults {
    first: DocumentFault,
    rest: Vec<DocumentFault>,
}

impl DocumentFaults {
    /// The faults.
    pub fn iter(&self) -> impl Iterator<Item = &DocumentFault> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// The first fault, and how many more there are: enough for a line of a log.
impl fmt::Display for DocumentFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rest.len() {
            0 => self.first.fmt(f),
            more => write!(f, "{}; and {more} more", self.first),
        }
    }
}

impl std::error::Error for DocumentFaults {}

impl From<DocumentFault> for DocumentFaults {
    fn from(first: DocumentFault) -> Self {
        let rest = Vec::new();
        Self { first, rest }
    }
}

/// Reads the document of `API_KEYS_SECRET_ID`, or tells all of its faults.
pub fn api_keys(text: &str) -> Result<ApiKeys, DocumentFaults> {
    let document = document(text)?;
    let noted = Noted::default();
    let root = Node::root(&document, &noted);
    root.only(&["partners", "resourceServers"]);
    let partners = partners_of(&root);
    let resource_servers = resource_servers_of(&root);
    let read = partners.zip(resource_servers);
    noted.unless_any(read.map(|(partners, resource_servers)| ApiKeys {
        partners: Partners::new(partners),
        resource_servers: ResourceServers::new(resource_servers),
    }))
}

/// Reads the document of `SERVER_KEYS_SECRET_ID`, or tells all of its faults.
pub fn server_keys(text: &str) -> Result<ServerKeys, DocumentFaults> {
    let document = document(text)?;
    let noted = Noted::default();
    let root = Node::root(&document, &noted);
    root.only(&["token", "record"]);
    let token = root.required("token");
    let token = token.and_then(|node| ring(&node, |_, id, bytes| SealingKey::new(id, bytes).ok()));
    let record = root.required("record");
    let record = record.and_then(|node| ring(&node, |_, id, bytes| RecordKey::new(id, bytes).ok()));
    let read = token.zip(record);
    noted.unless_any(read.map(|(token, record)| ServerKeys { token, record }))
}

fn document(text: &str) -> Result<Value<'_>, DocumentFault> {
    if text.len() > MAX_BYTES {
        return Err(DocumentFault::Size);
    }
    json::object(text.as_bytes(), MAX_DEPTH)
        .map(Value::Object)
        .map_err(|fault| {
            let hint = hint(text, &fault);
            DocumentFault::Json { fault, hint }
        })
}

/// What is usually wrong with a document that was written or pasted by hand.
fn hint(text: &str, fault: &JsonFault) -> &'static str {
    let bare = text.trim_start();
    let holds = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    match fault {
        JsonFault::NotAnObject if bare.starts_with('"') => {
            ": it is a string of JSON, so it was made JSON twice"
        }
        JsonFault::NotAnObject if bare.starts_with('[') => ": it is an array",
        JsonFault::Syntax { .. } => match bare.as_bytes() {
            [] => ": it is empty",
            [0xef, 0xbb, 0xbf, ..] => ": it begins with a byte order mark",
            _ if bare.starts_with("\u{ef}\u{bb}\u{bf}") => {
                ": it begins with a byte order mark, read as Latin-1"
            }
            _ if holds(&["\0", "\u{fffd}"]) => ": it is UTF-16, or binary, where UTF-8 is due",
            _ if holds(&["\u{201c}", "\u{201d}", "\u{201e}", "\u{2018}", "\u{2019}"]) => {
                ": it has curly quotes, as from a document"
            }
            [b'{', ..] if holds(&["{\\\"", "\\n"]) => ": it has backslashes before its quotes",
            [b'{', ..] if holds(&["{'", "': ", "':"]) => {
                ": it has single quotes, where double ones are due"
            }
            [b'{', ..] if ends_after_a_comma(text) => ": it has a comma before a } or ]",
            [b'{', ..] if !bare.trim_end().ends_with('}') => ": it is cut off",
            [b'{', ..] => "",
            [b'e', b'y', ..] | [b'e', b'w', ..] => ": it is in base64",
            _ => ": it does not begin with {",
        },
        _ => "",
    }
}

/// Whether a comma is followed by the end of an object or an array. What a string holds counts too:
/// it is a hint, for a text that is no JSON.
fn ends_after_a_comma(text: &str) -> bool {
    let mut pieces = text.split(',').skip(1);
    pieces.any(|rest| rest.trim_start().starts_with(['}', ']']))
}

// In what follows `None` means that a fault was noted. Reading goes on all the same, so that every
// fault is found; what was read counts only if none was.

fn partners_of<'v>(root: &Node<'v, '_>) -> Option<Vec<Partner>> {
    let list = root.required("partners")?;
    let elements = list.elements()?;
    if elements.is_empty() {
        list.fault("must not be empty");
    }
    let mut seen = Seen::default();
    let read = elements.iter().map(|node| partner(node, &mut seen));
    // All of them, before the first `None` ends it.
    let read: Vec<Option<Partner>> = read.collect();
    read.into_iter().collect()
}

/// None are as good as an empty list.
fn resource_servers_of(root: &Node<'_, '_>) -> Option<Vec<ResourceServer>> {
    let Some(list) = root.optional("resourceServers") else {
        return Some(Vec::new());
    };
    let mut ids = HashSet::new();
    let elements = list.elements()?;
    let read = elements.iter().map(|node| resource_server(node, &mut ids));
    let read: Vec<Option<ResourceServer>> = read.collect();
    read.into_iter().collect()
}

fn resource_server(node: &Node<'_, '_>, ids: &mut HashSet<String>) -> Option<ResourceServer> {
    node.object()?;
    node.only(&["resourceServerId", "secretSha256", "enabled"]);
    let id = node.required("resourceServerId").and_then(|node| {
        let id = partner_id(&node)?;
        node.unique(ids, id.as_str().to_owned());
        Some(id)
    });
    let secrets = node.required("secretSha256").and_then(digests);
    let enabled = enabled(node);
    Some(ResourceServer {
        id: id?,
        secrets: secrets?.into_iter().map(|(_, digest)| digest).collect(),
        enabled: enabled?,
    })
}

fn partner_id(node: &Node<'_, '_>) -> Option<PartnerId> {
    let id = node.string().and_then(PartnerId::new);
    node.or_fault(id, "must be 1-64 characters of A-Z a-z 0-9 . _ -")
}

/// Absent means `true`.
fn enabled(node: &Node<'_, '_>) -> Option<bool> {
    match node.optional("enabled") {
        None => Some(true),
        Some(node) => node.or_fault(node.boolean(), "must be true or false"),
    }
}

/// An optional member that is a number of seconds; the outer `None` means that a fault was noted.
fn seconds(
    node: &Node<'_, '_>,
    name: &str,
    range: RangeInclusive<u64>,
    rule: &'static str,
) -> Option<Option<Duration>> {
    let Some(node) = node.optional(name) else {
        return Some(None);
    };
    let seconds = node.integer().filter(|seconds| range.contains(seconds));
    node.or_fault(seconds, rule)
        .map(|seconds| Some(Duration::from_secs(seconds)))
}

/// What may occur only once in the document, or at one partner only.
#[derive(Default)]
struct Seen<'v> {
    ids: HashSet<String>,
    api_keys: HashSet<[u8; 32]>,
    /// Each payload key's text, and which partner's it is. Borrowed: a key has no copy of it here.
    payload_keys: HashMap<&'v str, usize>,
    partners: usize,
}

fn partner<'v>(node: &Node<'v, '_>, seen: &mut Seen<'v>) -> Option<Partner> {
    node.object()?;
    seen.partners += 1;
    node.only(&[
        "partnerId",
        "programId",
        "apiKeySha256",
        "sdkApiKeySha256",
        "payloadKeys",
        "tokenTtlSeconds",
        "sessionTtlSeconds",
        "enabled",
    ]);
    let id_node = node.required("partnerId");
    let program_id = node.required("programId");
    let id = id_node.as_ref().and_then(partner_id);
    let program_id = program_id.and_then(|node| {
        let id = node.integer().filter(|id| i32::try_from(*id).is_ok());
        let id = id.and_then(|id| u32::try_from(id).ok());
        node.or_fault(id, "must be an integer from 0 to 2147483647")
    });
    let api_keys = node.required("apiKeySha256").and_then(digests);
    let sdk_api_keys = node.required("sdkApiKeySha256").and_then(digests);
    let payload_keys = node.required("payloadKeys");
    let payload_keys = payload_keys.and_then(|node| {
        ring(&node, |k, id, bytes| {
            let owner = seen.payload_keys.entry(k.string()?);
            if *owner.or_insert(seen.partners) != seen.partners {
                k.fault(
                    "must not be another partner's key too: each could read the other's requests",
                );
            }
            SealingKey::new(id, bytes).ok()
        })
    });
    let token_ttl = seconds(
        node,
        "tokenTtlSeconds",
        Lifetime::RANGE,
        "must be an integer from 60 to 86400",
    );
    let session_ttl = seconds(
        node,
        "sessionTtlSeconds",
        Lifetime::SESSION_RANGE,
        "must be an integer from 60 to 2592000",
    );
    let enabled = enabled(node);

    if let (Some(node), Some(id)) = (&id_node, &id) {
        node.unique(&mut seen.ids, id.as_str().to_owned());
    }
    for (node, digest) in api_keys.iter().flatten() {
        node.unique(&mut seen.api_keys, *digest.as_bytes());
    }
    let digests = |keys: Vec<(Node<'_, '_>, KeyDigest)>| {
        let digests = keys.into_iter().map(|(_, digest)| digest);
        digests.collect()
    };
    Some(Partner {
        id: id?,
        program_id: program_id?,
        api_keys: digests(api_keys?),
        sdk_api_keys: digests(sdk_api_keys?),
        payload_keys: payload_keys?,
        token_ttl: token_ttl?,
        session_ttl: session_ttl?,
        enabled: enabled?,
    })
}

/// The digests that are sound, each with where it stands.
fn digests<'v, 'a>(node: Node<'v, 'a>) -> Option<Vec<(Node<'v, 'a>, KeyDigest)>> {
    let elements = node.elements()?;
    if elements.is_empty() {
        node.fault("must not be empty");
    }
    let digest = |node: Node<'v, 'a>| {
        let digest = node.string().and_then(hex).map(KeyDigest::from_bytes);
        let rule = "must be the SHA-256 of a key: 64 hexadecimal digits";
        node.or_fault(digest, rule).map(|digest| (node, digest))
    };
    Some(elements.into_iter().filter_map(digest).collect())
}

/// Reads a JWK Set (RFC 7517 section 5) of 1 to 8 `oct` keys of 32 bytes. `key` makes one of its
/// `k`.
fn ring<'v, 'a, K: Named>(
    node: &Node<'v, 'a>,
    mut key: impl FnMut(&Node<'v, 'a>, KeyId, &KeyBytes) -> Option<K>,
) -> Option<KeyRing<K>> {
    node.object()?;
    node.only(&["keys"]);
    let keys = node.required("keys")?;
    let elements = keys.elements()?;
    if elements.len() > KeyRing::<K>::MAX_KEYS {
        keys.fault("must have at most 8 keys");
    }
    let mut kids = HashSet::new();
    let mut read = Vec::with_capacity(elements.len());
    for jwk in &elements {
        // In its last place at once: a list of keys would keep their bytes where they were moved
        // from.
        read.extend(jwk_of(jwk, &mut kids, &mut key).map(Arc::new));
    }
    let ring = KeyRing::new(read);
    if elements.is_empty() {
        return keys.or_fault(ring, "must not be empty");
    }
    ring
}

fn jwk_of<'v, 'a, K: Named>(
    jwk: &Node<'v, 'a>,
    kids: &mut HashSet<String>,
    key: &mut impl FnMut(&Node<'v, 'a>, KeyId, &KeyBytes) -> Option<K>,
) -> Option<K> {
    jwk.object()?;
    if let Some(kty) = jwk.required("kty")
        && kty.string() != Some("oct")
    {
        kty.fault("must be oct");
    }
    let id = jwk.required("kid").and_then(|kid| {
        let rule = "must be 1-128 printable ASCII characters without spaces";
        let id = kid.or_fault(kid.string().and_then(KeyId::new), rule)?;
        kid.unique(kids, id.as_str().to_owned());
        Some(id)
    });
    let k = jwk.required("k")?;
    let bytes = k.key_bytes()?;
    let id = id?;
    k.or_fault(key(&k, id, &bytes), "is not usable as a key")
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(pair).ok()?;
        // `from_str_radix` alone would take a sign.
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
