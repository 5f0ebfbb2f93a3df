//! Example 6: the item, what is sealed in it, and its fingerprint, by the layouts that the page
//! states.

use sandbox::item_size::item_size;

use super::{Fault, json, point, same, segment, text, token_of};
use crate::docs::{bytes, page::Page};

pub(super) fn record(page: &Page) -> Result<(), Fault> {
    let item = json(page.text("record-item"))?;
    let attribute = |name: &str, kind: &str| text(&item[name], kind).map(str::to_owned);
    let claims = json(page.text("token-claims"))?;
    let seconds = |claim: &str| claims[claim].as_i64().ok_or_else(|| format!("no {claim}"));
    let pk = format!("{}#{}", text(&claims, "client_id")?, text(&claims, "ref")?);
    same("pk", &attribute("pk", "S")?, &pk)?;
    same("jti", attribute("jti", "S")?, text(&claims, "jti")?)?;
    same("status", attribute("status", "S")?, "ACTIVE")?;
    let issued_at: i64 = attribute("issuedAt", "N")?
        .parse()
        .map_err(|_| "issuedAt")?;
    same("issuedAt", issued_at, seconds("auth_time")? * 1000)?;
    same(
        "expireAt",
        attribute("expireAt", "N")?,
        (seconds("exp")? * 1000).to_string(),
    )?;
    same(
        "ttl",
        attribute("ttl", "N")?,
        (seconds("exp")? + 86_400).to_string(),
    )?;
    let stated = format!("It takes {} bytes of", item_size(&item));
    same("the stated size", page.whole().contains(&stated), true)?;

    let jwk = &json(page.text("server-keys-secret"))?["record"]["keys"][0];
    same("sealedBy", attribute("sealedBy", "S")?, text(jwk, "kid")?)?;
    let key = bytes::hex(page.text("record-key"))?;
    same("record-key", &key, &bytes::base64url(text(jwk, "k")?)?)?;
    let seal_key = bytes::hkdf(&key, "record seal v1");
    same(
        "record-seal-key",
        &bytes::hex(page.text("record-seal-key"))?,
        &seal_key,
    )?;
    let fingerprint_key = bytes::hkdf(&key, "record fingerprint v1");
    same(
        "record-fingerprint-key",
        &bytes::hex(page.text("record-fingerprint-key"))?,
        &fingerprint_key,
    )?;

    let customer = page.text("customer");
    let jti = text(&claims, "jti")?;
    for (name, aad, by_the_layout) in [
        ("sealed", pk.clone(), session_contents(page, customer)?),
        ("token", format!("{pk}\0{jti}"), token_contents(page)?),
    ] {
        let sealed = bytes::base64(&attribute(name, "B")?)?;
        let opened = bytes::open(&seal_key, aad.as_bytes(), &sealed)?;
        let contents = page.text(&format!("{name}-contents"));
        same(name, &bytes::hex(contents)?, &opened)?;
        same("the contents by the layout", &by_the_layout, &opened)?;
    }

    let sdk = point(&json(page.text("sdk-private-jwk"))?)?;
    let pk_length = u32::try_from(pk.len()).unwrap().to_be_bytes();
    let input = [
        b"v1",
        &pk_length[..],
        pk.as_bytes(),
        &sdk,
        customer.as_bytes(),
    ]
    .concat();
    same(
        "fingerprint-input",
        &bytes::hex(page.text("fingerprint-input"))?,
        &input,
    )?;
    let fingerprint = bytes::hmac(&fingerprint_key, &input);
    same(
        "fingerprint",
        &bytes::hex(page.text("fingerprint"))?,
        &fingerprint,
    )?;
    same(
        "the item's fingerprint",
        &bytes::base64(&attribute("fingerprint", "B")?)?,
        &fingerprint,
    )
}

/// The contents of `sealed` by the layout that the page states.
fn session_contents(page: &Page, customer: &str) -> Result<Vec<u8>, Fault> {
    let point = point(&json(page.text("server-public-jwk"))?)?;
    Ok([&point[..], customer.as_bytes()].concat())
}

/// The contents of `token` by the layout that the page states.
fn token_contents(page: &Page) -> Result<Vec<u8>, Fault> {
    let token = token_of(page)?;
    let header = json(page.text("token-header"))?;
    let kid = text(&header, "kid")?;
    let part = |index| bytes::base64url(segment(&token, index));
    let kid_length = [u8::try_from(kid.len()).unwrap()];
    let parts = [
        &kid_length[..],
        kid.as_bytes(),
        &part(2)?,
        &part(3)?,
        &part(4)?,
    ];
    Ok(parts.concat())
}
