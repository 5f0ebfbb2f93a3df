//! The protected header: `alg` `dir`, `enc` `A256GCM`, an optional `kid` (RFC 7516 section 4).

use std::borrow::Cow;

use ring::error::Unspecified;
use serde::Serialize;

use super::{Header, HeaderBuffer};
use crate::{json, keys::KeyId};

/// Which rule of the protected header is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Not a JSON object, or with a repeated member.
    #[error("not a JSON object without repeated members")]
    NotAnObject,
    /// `alg` is missing or another.
    #[error("alg is not dir")]
    Algorithm,
    /// `enc` is missing or another.
    #[error("enc is not A256GCM")]
    Encryption,
    /// `kid` is not a string.
    #[error("kid is not a string")]
    KeyId,
    /// Extensions or compression, of which this service has none.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

/// Checks a received header and returns its `kid`.
pub(super) fn kid(header: &[u8]) -> Result<Option<Cow<'_, str>>, HeaderFault> {
    let members = json::shallow_object(header).ok_or(HeaderFault::NotAnObject)?;
    let (mut alg, mut enc, mut kid) = (None, None, None);
    for (name, value) in &members {
        match name.as_ref() {
            "alg" => alg = json::string(value),
            "enc" => enc = json::string(value),
            "kid" => kid = Some(json::string(value).ok_or(HeaderFault::KeyId)?),
            "crit" => return Err(HeaderFault::Unsupported("crit")),
            "zip" => return Err(HeaderFault::Unsupported("zip")),
            // RFC 7516 section 4: what is not understood is ignored.
            _ => {}
        }
    }
    if alg.as_deref() != Some("dir") {
        return Err(HeaderFault::Algorithm);
    }
    if enc.as_deref() != Some("A256GCM") {
        return Err(HeaderFault::Encryption);
    }
    Ok(kid)
}

/// The header's JSON text, members in the protocol's order. Fails if `buffer` is too small, which
/// it is for no `kid`: one takes 128 bytes, or 256 escaped.
pub(super) fn json<'b>(
    header: Header<'_>,
    HeaderBuffer(buffer): &'b mut HeaderBuffer,
) -> Result<&'b [u8], Unspecified> {
    #[derive(Serialize)]
    struct Members<'a> {
        alg: &'a str,
        enc: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        typ: Option<&'a str>,
    }
    let members = Members {
        alg: "dir",
        enc: "A256GCM",
        kid: header.kid.map(KeyId::as_str),
        typ: header.typ,
    };
    let room = buffer.len();
    let mut left = buffer.as_mut_slice();
    serde_json::to_writer(&mut left, &members).map_err(|_| Unspecified)?;
    let written = room - left.len();
    buffer.get(..written).ok_or(Unspecified)
}
