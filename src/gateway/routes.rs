//! The table of routes: what is at which path (protocol.md, the operations' headings).

use crate::answer::CodeForm;

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    GetToken,
    Renew,
    Invalidate,
    Introspect,
}

impl Operation {
    /// The metrics' dimension.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GetToken => "GetToken",
            Self::Renew => "Renew",
            Self::Invalidate => "Invalidate",
            Self::Introspect => "Introspect",
        }
    }

    /// The methods that it has; the value of `Allow`.
    pub(super) const fn methods(self) -> &'static str {
        match self {
            // The seed documents GET with a body.
            Self::GetToken => "POST, GET",
            Self::Renew | Self::Invalidate | Self::Introspect => "POST",
        }
    }

    pub(super) fn has(self, method: &str) -> bool {
        self.methods().split(", ").any(|other| other == method)
    }

    /// Whether its body comes in this type. Where it is a JWE, one without a type is taken for
    /// text.
    pub(super) fn takes(self, content_type: Option<&str>) -> bool {
        let types: &[&str] = match self {
            Self::GetToken | Self::Renew | Self::Invalidate => {
                &["text/plain", "application/jose", "application/json"]
            }
            Self::Introspect => &["application/x-www-form-urlencoded"],
        };
        match content_type {
            None => self != Self::Introspect,
            Some(content_type) => {
                let essence = content_type.split(';').next().unwrap_or_default().trim();
                types.iter().any(|it| essence.eq_ignore_ascii_case(it))
            }
        }
    }
}

/// The paths' ends, and how each spells `resCode`.
const ROUTES: [(&str, Operation, CodeForm); 7] = [
    (
        "/token-service/client/server/new/v2/token",
        Operation::GetToken,
        CodeForm::Text,
    ),
    (
        "/token-service/client/server/new/token",
        Operation::GetToken,
        CodeForm::Number,
    ),
    (
        "/token-service/client/app/renew/v2/token",
        Operation::Renew,
        CodeForm::Text,
    ),
    (
        "/token-service/client/app/renew/token",
        Operation::Renew,
        CodeForm::Number,
    ),
    (
        "/token-service/client/server/invalidate/v2/token",
        Operation::Invalidate,
        CodeForm::Text,
    ),
    (
        "/token-service/client/server/invalidate/token",
        Operation::Invalidate,
        CodeForm::Number,
    ),
    // It has no `resCode`.
    (
        "/token-service/introspect",
        Operation::Introspect,
        CodeForm::Text,
    ),
];

/// What is at a path; `None` if nothing is.
pub(super) fn at(path: &str) -> Option<(Operation, CodeForm)> {
    // API Gateway puts whole segments in front, or nothing.
    let is_in_front =
        |before: &str| before.is_empty() || (before.starts_with('/') && !before.ends_with('/'));
    let (_, operation, form) = ROUTES
        .into_iter()
        .find(|(end, ..)| path.strip_suffix(end).is_some_and(is_in_front))?;
    Some((operation, form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_by_its_end() {
        for (end, operation, form) in ROUTES {
            for before in [
                "",
                "/prod",
                "/v1",
                "/a/b",
                "/token-service/client/server/new",
            ] {
                let found = at(&format!("{before}{end}"));
                assert_eq!(found, Some((operation, form)));
            }
            for other in [
                end.trim_start_matches('/').to_owned(),
                format!("/x{}", end.trim_start_matches('/')),
                format!("/prod{}", end.trim_start_matches('/')),
                format!("prod{end}"),
                format!("/{end}"),
                format!("/prod/{end}"),
                format!("{end}/"),
                format!("{end}/x"),
                end.replace("/token-service", "/TOKEN-SERVICE"),
                end.replace("v2", "v3") + if end.contains("v2") { "" } else { "x" },
            ] {
                assert_eq!(at(&other), None, "{other}");
            }
        }
        for other in ["", "/", "/token-service"] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn each_operation_has_its_methods_and_types() {
        for operation in [
            Operation::GetToken,
            Operation::Renew,
            Operation::Invalidate,
            Operation::Introspect,
        ] {
            let gets = operation == Operation::GetToken;
            assert!(operation.has("POST"));
            assert_eq!(operation.has("GET"), gets);
            for method in ["", "PUT", "post", "POST, GET", "HEAD"] {
                assert!(!operation.has(method), "{method}");
            }
            let asks = operation == Operation::Introspect;
            assert_eq!(operation.takes(None), !asks);
            for jwe in [
                "text/plain; charset=utf-8",
                "Application/JOSE",
                "application/json",
            ] {
                assert_eq!(operation.takes(Some(jwe)), !asks, "{jwe}");
            }
            for form in [
                "application/x-www-form-urlencoded",
                "Application/X-WWW-Form-Urlencoded ;charset=UTF-8",
            ] {
                assert_eq!(operation.takes(Some(form)), asks, "{form}");
            }
            for other in ["", "text/html", "text/plain, text/plain"] {
                assert!(!operation.takes(Some(other)), "{other}");
            }
        }
    }
}
