//! The variables that the function finds: what Lambda gives every function, where the sandbox's
//! services are, and what the template gives this one. Nothing of the sandbox's own environment
//! gets in: a test must not pass, nor fail, for a variable of the developer's shell, least of all
//! for their AWS credentials.

use std::collections::BTreeMap;

use crate::{dynamodb, secrets_manager};

/// The region that everything is in.
pub(crate) const REGION: &str = "eu-west-1";
/// The function's name.
pub(crate) const FUNCTION: &str = "token-service";

/// The URLs of the sandbox's services.
pub(crate) struct Surroundings {
    pub(crate) dynamodb: String,
    pub(crate) secrets_manager: String,
}

/// The function's environment, with `overrides` on top; an empty value there removes the variable.
pub(crate) fn environment(
    surroundings: &Surroundings,
    overrides: &[(String, String)],
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (name, value) in lambda().into_iter().chain(services()) {
        environment.insert(name.to_owned(), value.to_owned());
    }
    for (name, url) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", &surroundings.dynamodb),
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            &surroundings.secrets_manager,
        ),
    ] {
        environment.insert(name.to_owned(), url.clone());
    }
    for (name, value) in overrides {
        match value.is_empty() {
            true => environment.remove(name),
            false => environment.insert(name.clone(), value.clone()),
        };
    }
    environment
}

/// What Lambda's documentation lists for `provided.al2023`. There is no `HOME`.
fn lambda() -> [(&'static str, &'static str); 16] {
    [
        ("_HANDLER", "bootstrap"),
        ("AWS_ACCESS_KEY_ID", "AKIASANDBOXSANDBOX00"),
        (
            "AWS_SECRET_ACCESS_KEY",
            "of-the-sandbox-and-good-for-nothing-else",
        ),
        ("AWS_SESSION_TOKEN", "of-the-sandbox"),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_REGION", REGION),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/token-service"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "sandbox"),
        ("LANG", "en_US.UTF-8"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
    ]
}

/// What the template gives the function.
fn services() -> [(&'static str, &'static str); 3] {
    [
        ("API_KEYS_SECRET_ID", secrets_manager::API_KEYS),
        ("SERVER_KEYS_SECRET_ID", secrets_manager::SERVER_KEYS),
        ("TOKENS_TABLE", dynamodb::TABLE),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(overrides: &[(&str, &str)]) -> BTreeMap<String, String> {
        let nowhere = "http://127.0.0.1:9".to_owned();
        let surroundings = Surroundings {
            dynamodb: nowhere.clone(),
            secrets_manager: nowhere,
        };
        let overrides: Vec<_> = overrides
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        environment(&surroundings, &overrides)
    }

    #[test]
    fn overrides_replace_add_and_remove() {
        let environment = with(&[("ISSUER", "mine"), ("TOKENS_TABLE", "other"), ("TZ", "")]);

        assert_eq!(environment["ISSUER"], "mine");
        assert_eq!(environment["TOKENS_TABLE"], "other");
        assert!(!environment.contains_key("TZ"));
    }

    #[test]
    fn endpoints_are_the_sandboxs() {
        assert_eq!(with(&[])["AWS_ENDPOINT_URL_DYNAMODB"], "http://127.0.0.1:9");
    }
}
