//! The credentials file: what a partner gets at onboarding, and what every client reads.
//!
//! ```json
//! {"partnerId":"acme","apiKey":"...","sdkApiKey":"...","url":"https://api.example.com/prod",
//!  "payloadKeys":{"keys":[{"kty":"oct","kid":"acme-2026-11","k":"<base64url of 32 bytes>"}]}}
//! ```
//!
//! `url` may be left out. A fault is named by its member and its rule, and never shows a value:
//! people send such messages on.

use std::{collections::HashSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, json};

use crate::{
    jwe::{self, OpenError, Opened},
    pasted::{self, CURLY_QUOTES},
};

/// What a partner gets at onboarding. `Debug` shows names only.
#[derive(Clone)]
pub struct Credentials {
    /// The partner's id.
    pub partner_id: String,
    /// The value of `X-API-KEY`.
    pub api_key: String,
    /// The `sdkApiKey` member of its requests.
    pub sdk_api_key: String,
    /// The keys of its requests and their answers, the newest first; at least one.
    pub payload_keys: Vec<Jwk>,
    /// Where its service is, if it is told.
    pub url: Option<String>,
}

/// An `oct` key of 32 bytes and its name. `Debug` shows the name only.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    /// The key's name.
    pub kid: String,
    /// The key.
    pub k: [u8; 32],
}

/// What is wrong with a credentials file: the member and its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialsFault(String);

fn fault<T>(text: impl Into<String>) -> Result<T, CredentialsFault> {
    Err(CredentialsFault(text.into()))
}

impl Jwk {
    /// The key in base64url, as in a JWK's `k`.
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.k)
    }

    /// The JWK (RFC 7517).
    pub fn to_json(&self) -> Value {
        json!({ "kty": "oct", "kid": self.kid, "k": self.encoded() })
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({})", self.kid)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("partner_id", &self.partner_id)
            .field("payload_keys", &self.payload_keys)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads a credentials file.
    ///
    /// # Errors
    /// The first member that breaks a rule, or where the JSON breaks off.
    pub fn parse(text: &[u8]) -> Result<Self, CredentialsFault> {
        /// Values, and not types: serde's errors about types quote what they found. Members of
        /// other names are ignored.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct File {
            partner_id: Option<Value>,
            api_key: Option<Value>,
            sdk_api_key: Option<Value>,
            payload_keys: Option<Value>,
            url: Option<Value>,
        }
        let Ok(text) = std::str::from_utf8(text) else {
            return fault("the credentials are not UTF-8");
        };
        let text = text.trim_start_matches('\u{feff}');
        if !text.trim_start().starts_with('{') {
            return fault("the credentials are not a JSON object");
        }
        let file: File = serde_json::from_str(text).map_err(|error| json_fault(text, &error))?;
        Ok(Self {
            partner_id: visible(file.partner_id.as_ref(), "partnerId")?,
            api_key: visible(file.api_key.as_ref(), "apiKey")?,
            sdk_api_key: visible(file.sdk_api_key.as_ref(), "sdkApiKey")?,
            payload_keys: payload_keys(file.payload_keys.as_ref())?,
            url: match file.url {
                None | Some(Value::Null) => None,
                Some(Value::String(url)) => Some(url),
                Some(_) => return fault("url must be a string"),
            },
        })
    }

    /// The file's JSON.
    pub fn to_json(&self) -> Value {
        let keys: Vec<Value> = self.payload_keys.iter().map(Jwk::to_json).collect();
        let mut file = json!({
            "partnerId": self.partner_id,
            "apiKey": self.api_key,
            "sdkApiKey": self.sdk_api_key,
            "payloadKeys": { "keys": keys },
        });
        if let (Some(url), Some(members)) = (&self.url, file.as_object_mut()) {
            members.insert("url".to_owned(), url.as_str().into());
        }
        file
    }

    /// The payload key of a name.
    pub fn payload_key(&self, kid: &str) -> Option<&Jwk> {
        self.payload_keys.iter().find(|key| key.kid == kid)
    }

    /// Opens a JWE with the payload key that it names, or with the first that opens it if it names
    /// none.
    ///
    /// # Errors
    /// It is no JWE of the protocol, it names a key that is not here, or no key opens it.
    pub fn open(&self, jwe: &str) -> Result<Opened, OpenError> {
        let header = jwe::header(jwe)?;
        if let Some(kid) = header.get("kid") {
            let named = kid.as_str().and_then(|kid| self.payload_key(kid));
            let key = named.ok_or_else(|| OpenError::UnknownKey(kid.clone()))?;
            return jwe::open(jwe, &key.k);
        }
        let mut failure = OpenError::Unauthentic;
        for key in &self.payload_keys {
            match jwe::open(jwe, &key.k) {
                Ok(opened) => return Ok(opened),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

/// The keys of a JWK Set (RFC 7517), all of them `oct` and of 32 bytes: for
/// `#[serde(deserialize_with)]`.
///
/// # Errors
/// It is not such a set.
pub fn keys_of_set<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Jwk>, D::Error> {
    payload_keys(Some(&Value::deserialize(from)?)).map_err(D::Error::custom)
}

/// Where the JSON breaks, without a word of it.
fn json_fault(text: &str, error: &serde_json::Error) -> CredentialsFault {
    if error.is_data() {
        // Only a repeated member is left: each of the members may be any value.
        return CredentialsFault("the credentials have a member twice".to_owned());
    }
    CredentialsFault(format!(
        "the credentials are not JSON: {}",
        pasted::where_json_breaks(text, error.line(), error.column())
    ))
}

fn payload_keys(set: Option<&Value>) -> Result<Vec<Jwk>, CredentialsFault> {
    let listed = set.and_then(|set| set.get("keys")?.as_array());
    let Some(listed) = listed.filter(|listed| !listed.is_empty()) else {
        return fault(
            "payloadKeys must be a JWK Set, {\"keys\":[...]}, of at least one key, the newest first",
        );
    };
    let mut seen = HashSet::new();
    let read = listed.iter().enumerate().map(|(index, jwk)| {
        let at = format!("payloadKeys.keys[{index}]");
        if jwk.get("kty").and_then(Value::as_str) != Some("oct") {
            return fault(format!("{at}.kty must be \"oct\""));
        }
        let kid = visible(jwk.get("kid"), &format!("{at}.kid"))?;
        if !seen.insert(kid.clone()) {
            return fault(format!("{at}.kid is that of another key too"));
        }
        let text = jwk.get("k").and_then(Value::as_str).unwrap_or_default();
        match key_bytes(text) {
            Ok(k) => Ok(Jwk { kid, k }),
            Err(why) => fault(format!("{at}.k (kid {kid}) {why}")),
        }
    });
    read.collect()
}

/// A key's 32 bytes, or what is wrong with its text: people paste keys in every encoding there is.
///
/// # Errors
/// What is wrong, without the text.
pub fn key_bytes(text: &str) -> Result<[u8; 32], String> {
    let only = |allowed: fn(&u8) -> bool| text.bytes().all(|byte| allowed(&byte));
    let standard = text.trim_end_matches('=');
    let is_standard = standard
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    let why = if text.is_empty() {
        "must be a string: the key's 32 bytes in base64url"
    } else if text.contains(|c| "\"'".contains(c) || CURLY_QUOTES.contains(c)) {
        "has quotes in it, straight or curly, as from a document: copy the 43 characters between them"
    } else if text.starts_with("-----BEGIN") {
        "is PEM: write the key's 32 bytes in base64url"
    } else if text.contains(char::is_whitespace) {
        "has white space or a line break in it: it is 43 characters without any"
    } else if text.len() == 64 && only(u8::is_ascii_hexdigit) {
        "is hex: write the same 32 bytes in base64url, which takes 43 characters"
    } else if is_standard && text.contains(['+', '/', '=']) {
        "is standard base64: for base64url write - for +, _ for /, and leave out ="
    } else if text.len() != 43 {
        let (len, bits) = (text.len(), text.len() * 6 / 8 * 8);
        return Err(format!(
            "has {len} characters, some {bits} bits: A256GCM needs 256 bits, which are 43 characters of base64url. \
             Is it cut off, or not encoded?"
        ));
    } else {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok();
        return decoded
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| {
                "is not base64url without padding: is it cut off, or changed?".to_owned()
            });
    };
    Err(why.to_owned())
}

/// A text of printable ASCII without spaces, as keys and names are.
fn visible(value: Option<&Value>, name: &str) -> Result<String, CredentialsFault> {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() {
        return fault(format!("{name} is missing, or no string"));
    }
    for (position, character) in text.chars().enumerate() {
        if CURLY_QUOTES.contains(character) {
            return fault(format!(
                "{name} has a curly quote in it, as from a document: copy what is between the quotes"
            ));
        }
        if !character.is_ascii_graphic() {
            return fault(format!(
                "{name} has the character U+{:04X} at position {}, where only visible ASCII can stand",
                u32::from(character),
                position + 1
            ));
        }
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        let file = include_bytes!("../../events/secrets/partner.json");
        Credentials::parse(file).unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        let mut credentials = credentials();
        credentials.url = Some("https://api.example.com".to_owned());
        let written = credentials.to_json().to_string();
        let read = Credentials::parse(written.as_bytes()).unwrap();
        assert_eq!(read.to_json(), credentials.to_json());
    }

    #[test]
    fn opens_with_the_key_that_is_named_or_with_any() {
        let acme = credentials();
        let [newest, older] = &acme.payload_keys[..] else {
            panic!("two keys")
        };
        for kid in [None, Some(older.kid.as_str())] {
            let sealed = jwe::seal(b"hi", &older.k, kid);
            assert_eq!(acme.open(&sealed).unwrap().plaintext, b"hi");
        }
        let sealed = jwe::seal(b"hi", &newest.k, Some(&older.kid));
        assert!(acme.open(&sealed).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", credentials());
        assert!(shown.contains("acme-2026-11"), "{shown}");
        assert!(!shown.contains("MOB-APP") && !shown.contains("ABCDEFGH"));
    }

    #[test]
    fn refuses_a_member_that_is_there_twice() {
        let text = r#"{"apiKey":"a","apiKey":"b"}"#;
        let refused = Credentials::parse(text.as_bytes()).unwrap_err();
        assert!(refused.to_string().contains("twice"), "{refused}");
    }

    /// The table that the clients in every language are held to.
    #[test]
    fn names_each_fault_of_the_table_and_shows_no_key() {
        let table = include_str!("../../clients/cases.json");
        let table: Value = serde_json::from_str(table).unwrap();
        let mut checked = 0;
        for case in table["inputs"].as_array().unwrap() {
            let mut file = credentials().to_json();
            let changes = case["credentials"].as_object();
            for (name, value) in changes.into_iter().flatten() {
                file[name] = value.clone();
            }
            let text = match case["credentialsText"].as_str() {
                Some(text) => text.to_owned(),
                None => file.to_string(),
            };
            let fault = match (Credentials::parse(text.as_bytes()), case["open"].as_str()) {
                (Err(fault), _) => fault.to_string(),
                (Ok(credentials), Some(jwe)) => credentials.open(jwe).unwrap_err().to_string(),
                (Ok(credentials), None) => {
                    crate::partner::service_url(case["url"].as_str().or(credentials.url.as_deref()))
                        .unwrap_err()
                        .to_string()
                }
            };
            for mention in case["mentions"].as_array().unwrap() {
                let mention = mention.as_str().unwrap().to_lowercase();
                assert!(
                    fault.to_lowercase().contains(&mention),
                    "{}: {fault}",
                    case["name"]
                );
            }
            let keys = file.pointer("/payloadKeys/keys").and_then(Value::as_array);
            for key in keys
                .into_iter()
                .flatten()
                .filter_map(|key| key["k"].as_str())
            {
                assert!(!fault.contains(key), "{}", case["name"]);
            }
            checked += 1;
        }
        assert!(checked > 30, "{checked}");
    }
}
