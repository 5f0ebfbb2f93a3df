//! `token-sandbox open`: what is in a request, an answer or a token, for somebody who has the
//! development keys: everybody.

use std::io::{self, Read};

use peers::{
    jwe::{self, OpenError},
    resource_server::{self, TokenError},
};
use sandbox::development::{self, DevelopmentError};

use super::{page::Page, stack::End};

#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotOpen {
    #[error("standard input cannot be read as text")]
    Input(#[from] io::Error),
    #[error(
        "there is nothing on standard input; pipe an answer into it, as in: curl ... | token-sandbox open"
    )]
    Nothing,
    #[error("what is on standard input is no JWE")]
    NoJwe(#[source] OpenError),
    #[error("no development key opens it: neither a partner's payload key nor a token key")]
    NoKey(#[source] TokenError),
    #[error(transparent)]
    Credentials(#[from] DevelopmentError),
}

/// Shows a JWE opened, and the token in it if it is an answer with one. An answer that is plain is
/// shown as it is.
pub(crate) fn open_standard_input() -> Result<End, CannotOpen> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let text = text.trim();
    let mut page = Page::new();
    if text.is_empty() {
        return Err(CannotOpen::Nothing);
    }
    if text.starts_with('{') {
        page.remark("not sealed:");
        page.json(text.as_bytes());
        return Ok(End::Good);
    }
    let header = jwe::header(text).map_err(CannotOpen::NoJwe)?;
    page.remark("header:");
    page.text(&header.to_string());
    for partner in development::partners()? {
        if let Ok(opened) = partner.open(text) {
            page.remark(&format!(
                "opened with a payload key of {}:",
                partner.partner_id
            ));
            page.json(&opened.plaintext);
            return match opened
                .json()
                .ok()
                .as_ref()
                .and_then(|it| it.get("token")?.as_str())
            {
                Some(token) => show_token(&mut page, token),
                None => Ok(End::Good),
            };
        }
    }
    show_token(&mut page, text)
}

fn show_token(page: &mut Page, token: &str) -> Result<End, CannotOpen> {
    let opened = resource_server::open_token_as_sealed(token, &development::server_keys()?)
        .map_err(CannotOpen::NoKey)?;
    page.remark("the token's claims, opened with a token key:");
    page.json(&opened.plaintext);
    Ok(End::Good)
}
