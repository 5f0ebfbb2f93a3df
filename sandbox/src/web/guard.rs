//! Who may ask the page's server for what. It listens on 127.0.0.1, but every page in the same
//! browser can send to there.
//!
//! - A name of a stranger's that resolves to 127.0.0.1 (DNS rebinding) is told by its `Host`: that
//!   is the name, which the browser sets.
//! - A stranger's page that posts here is told by its `Origin`, which the browser sets too; and as
//!   JSON needs a preflight across origins, and nobody answers one here, it does not get that far.

use http::{
    HeaderMap, Method,
    header::{CONTENT_TYPE, HOST, ORIGIN},
    request::Parts,
};

/// Why a request is not served, in words that say what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    #[error(
        "Host must be 127.0.0.1 or localhost: open the page by the URL that the sandbox printed"
    )]
    Host,
    #[error(
        "Origin must be this page's own: send the header Origin with http:// and the Host as value"
    )]
    Origin,
    #[error("Content-Type must be application/json")]
    ContentType,
}

/// Lets pass what a person's browser, or `curl`, asks of this machine by this machine's name.
pub(super) fn check_host(parts: &Parts) -> Result<(), Stranger> {
    let named = text(&parts.headers, HOST.as_str()).ok_or(Stranger::Host)?;
    // A proxy's form of the request line has a second name in it.
    let authority = parts.uri.authority().map_or(named, |name| name.as_str());
    match is_this_machine(named) && authority == named {
        true => Ok(()),
        false => Err(Stranger::Host),
    }
}

/// Lets pass what the page itself sends, where something is changed.
pub(super) fn check_change(parts: &Parts) -> Result<(), Stranger> {
    check_host(parts)?;
    let host = text(&parts.headers, HOST.as_str()).unwrap_or_default();
    if text(&parts.headers, ORIGIN.as_str()) != Some(&format!("http://{host}")) {
        return Err(Stranger::Origin);
    }
    let media_type = text(&parts.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    match media_type.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Stranger::ContentType),
    }
}

pub(super) fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Any port: one may be forwarded, and none makes the name a stranger's.
fn is_this_machine(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_port && (name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost"))
}

/// The value of a header that comes once, in ASCII.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn knows_this_machine_by_its_names() {
        for host in ["127.0.0.1:4000", "localhost:4000", "LOCALHOST", "127.0.0.1"] {
            assert_eq!(check_host(&parts("/", &[("Host", host)])), Ok(()), "{host}");
        }
        for host in [
            "evil.example:4000",
            "127.0.0.1.evil.example:4000",
            "localhost.evil.example",
            "localhost:4000@evil.example",
            "127.0.0.1:",
            "192.168.0.7:4000",
            "",
        ] {
            let refused = check_host(&parts("/", &[("Host", host)]));
            assert_eq!(refused, Err(Stranger::Host), "{host}");
        }
    }

    #[test]
    fn refuses_no_host_two_hosts_and_another_one_in_the_request_line() {
        let two = [("Host", "127.0.0.1:1"), ("Host", "evil.example")];
        let one = [("Host", "127.0.0.1:1")];
        for parts in [
            parts("/", &[]),
            parts("/", &two),
            parts("http://evil.example/", &one),
        ] {
            assert_eq!(check_host(&parts), Err(Stranger::Host));
        }
    }

    #[test]
    fn a_change_needs_the_pages_own_origin_and_json() {
        let host = ("Host", "127.0.0.1:4000");
        let json = ("Content-Type", "application/json; charset=utf-8");
        let own = ("Origin", "http://127.0.0.1:4000");
        assert_eq!(check_change(&parts("/", &[host, json, own])), Ok(()));
        for origin in [
            "http://127.0.0.1:3000",
            "http://localhost:4000",
            "https://127.0.0.1:4000",
            "http://evil.example",
            "null",
        ] {
            let refused = check_change(&parts("/", &[host, json, ("Origin", origin)]));
            assert_eq!(refused, Err(Stranger::Origin), "{origin}");
        }
        let without = check_change(&parts("/", &[host, json]));
        assert_eq!(without, Err(Stranger::Origin));
        for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let request = parts("/", &[host, own, ("Content-Type", content_type)]);
            assert_eq!(check_change(&request), Err(Stranger::ContentType));
        }
    }
}
