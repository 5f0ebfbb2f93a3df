//! The function's configuration: the only reader of its own variables (protocol.md, Environment).
//!
//! Those of AWS's SDKs, for region, credentials and endpoints, are read in [`aws`](crate::aws).

use std::{fmt, ops::RangeInclusive, time::Duration};

use crate::{
    secrets::RefreshPolicy,
    token::{Lifetime, TokenIdentity, Ttls},
};

/// Everything that the environment decides.
#[derive(Debug)]
pub struct Config {
    /// Name or ARN of the secret with the partners.
    pub api_keys_secret_id: String,
    /// Name or ARN of the secret with the service's own keys.
    pub server_keys_secret_id: String,
    /// Name or ARN of the table of records.
    pub tokens_table: String,
    /// The tokens' `iss` and `aud`.
    pub identity: TokenIdentity,
    /// Lifetimes of tokens and sessions, for partners without their own.
    pub ttls: Ttls,
    /// How long a record outlives its token.
    pub record_retention: Duration,
    /// When the caches of secrets refresh.
    pub secrets_ages: RefreshPolicy,
}

/// Every variable that is wrong. The text names each with its rule, never its value.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// Variables that Lambda's runtime client and every call to AWS require.
const SET_BY_LAMBDA: [&str; 7] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

/// Variables of AWS's SDKs. [`aws`](crate::aws) reads whatever is not `true` as `false`, so it must
/// not be anything else.
const TRUE_OR_FALSE: [&str; 3] = [
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
];

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        // A value that is no text is as wrong as an empty one: neither passes any rule.
        Self::read(|name| {
            std::env::var_os(name).map(|value| value.into_string().unwrap_or_default())
        })
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader {
            variable,
            faults: Vec::new(),
        };
        for name in SET_BY_LAMBDA {
            let instead = name == "AWS_REGION" && reader.is_set("AWS_DEFAULT_REGION");
            if !reader.is_set(name) && !instead {
                let fault = "is not set: Lambda sets it, and `make local` does here";
                reader.faults.push(format!("{name} {fault}"));
            }
        }
        for name in TRUE_OR_FALSE {
            reader.true_or_false(name);
        }
        let config = Self {
            api_keys_secret_id: reader.required("API_KEYS_SECRET_ID"),
            server_keys_secret_id: reader.required("SERVER_KEYS_SECRET_ID"),
            tokens_table: reader.required("TOKENS_TABLE"),
            identity: TokenIdentity {
                issuer: reader.text("ISSUER", "token-service"),
                audience: reader.text("AUDIENCE", "bankezy-sdk"),
            },
            ttls: Ttls {
                token: reader.seconds("TOKEN_TTL_SECONDS", 1800, Lifetime::RANGE),
                session: reader.seconds("SESSION_TTL_SECONDS", 43_200, Lifetime::SESSION_RANGE),
            },
            record_retention: reader.seconds("RECORD_RETENTION_SECONDS", 86_400, 300..=31_536_000),
            secrets_ages: RefreshPolicy {
                ttl: reader.seconds("SECRETS_TTL_SECONDS", 300, 1..=86_400),
                min_refresh: reader.seconds("SECRETS_MIN_REFRESH_SECONDS", 30, 1..=86_400),
                max_stale: reader.seconds("SECRETS_MAX_STALE_SECONDS", 86_400, 1..=86_400),
            },
        };
        let RefreshPolicy {
            ttl,
            min_refresh,
            max_stale,
        } = config.secrets_ages;
        if min_refresh > ttl {
            let fault = "SECRETS_MIN_REFRESH_SECONDS must be at most SECRETS_TTL_SECONDS";
            reader.faults.push(fault.to_owned());
        }
        // Else a value could be too old before the attempt that renews it is allowed.
        if ttl + min_refresh > max_stale {
            let fault = "SECRETS_TTL_SECONDS and SECRETS_MIN_REFRESH_SECONDS together must be at most \
                         SECRETS_MAX_STALE_SECONDS";
            reader.faults.push(fault.to_owned());
        }
        if reader.faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(reader.faults))
        }
    }
}

struct Reader<V> {
    variable: V,
    faults: Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Reader<V> {
    fn is_set(&self, name: &str) -> bool {
        (self.variable)(name).is_some_and(|value| !value.trim().is_empty())
    }

    fn true_or_false(&mut self, name: &str) {
        let value = (self.variable)(name).unwrap_or_default();
        let is = |other| value.eq_ignore_ascii_case(other);
        if !value.trim().is_empty() && !is("true") && !is("false") {
            self.faults.push(format!("{name} must be true or false"));
        }
    }

    fn required(&mut self, name: &str) -> String {
        let value = (self.variable)(name).unwrap_or_default();
        if value.trim().is_empty() {
            self.faults.push(format!("{name} must be set"));
        }
        value
    }

    fn text(&mut self, name: &str, default: &str) -> String {
        let Some(value) = (self.variable)(name) else {
            return default.to_owned();
        };
        let printable = value.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !printable || !(1..=64).contains(&value.len()) {
            let fault = format!("{name} must be 1-64 printable ASCII characters");
            self.faults.push(fault);
        }
        value
    }

    fn seconds(&mut self, name: &str, default: u64, range: RangeInclusive<u64>) -> Duration {
        let seconds = match (self.variable)(name) {
            None => Some(default),
            // `parse` alone would take a sign.
            Some(value) if value.bytes().all(|b| b.is_ascii_digit()) => value.parse().ok(),
            Some(_) => None,
        };
        let seconds = seconds.filter(|seconds| range.contains(seconds));
        if seconds.is_none() {
            let (min, max) = (range.start(), range.end());
            let fault = format!("{name} must be an integer from {min} to {max}");
            self.faults.push(fault);
        }
        Duration::from_secs(seconds.unwrap_or(default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(overrides: &[(&str, &str)]) -> Result<Config, String> {
        let required = [
            "API_KEYS_SECRET_ID",
            "SERVER_KEYS_SECRET_ID",
            "TOKENS_TABLE",
        ];
        Config::read(|name| {
            let set = overrides.iter().find(|(set, _)| *set == name);
            let preset = required.contains(&name) || SET_BY_LAMBDA.contains(&name);
            set.map(|(_, value)| (*value).to_owned())
                .or_else(|| preset.then(|| "x".to_owned()))
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_the_protocols() {
        let config = read(&[]).unwrap();
        assert_eq!(config.identity.issuer, "token-service");
        assert_eq!(config.identity.audience, "bankezy-sdk");
        assert_eq!(config.ttls.token.as_secs(), 1800);
        assert_eq!(config.ttls.session.as_secs(), 43_200);
        assert_eq!(config.record_retention.as_secs(), 86_400);
        assert_eq!(config.secrets_ages.ttl.as_secs(), 300);
        assert_eq!(config.secrets_ages.min_refresh.as_secs(), 30);
        assert_eq!(config.secrets_ages.max_stale.as_secs(), 86_400);
    }

    #[test]
    fn names_the_variable_and_its_range_and_never_the_value() {
        for (name, value, rule) in [
            (
                "TOKEN_TTL_SECONDS",
                "59",
                "must be an integer from 60 to 86400",
            ),
            (
                "TOKEN_TTL_SECONDS",
                "86401",
                "must be an integer from 60 to 86400",
            ),
            (
                "TOKEN_TTL_SECONDS",
                "+61",
                "must be an integer from 60 to 86400",
            ),
            (
                "TOKEN_TTL_SECONDS",
                "",
                "must be an integer from 60 to 86400",
            ),
            (
                "TOKEN_TTL_SECONDS",
                "1e3",
                "must be an integer from 60 to 86400",
            ),
            (
                "SESSION_TTL_SECONDS",
                "2592001",
                "must be an integer from 60 to 2592000",
            ),
            (
                "RECORD_RETENTION_SECONDS",
                "299",
                "must be an integer from 300 to 31536000",
            ),
            (
                "SECRETS_TTL_SECONDS",
                "0",
                "must be an integer from 1 to 86400",
            ),
            ("ISSUER", "", "must be 1-64 printable ASCII characters"),
            (
                "AUDIENCE",
                "caf\u{e9}",
                "must be 1-64 printable ASCII characters",
            ),
            ("TOKENS_TABLE", "", "must be set"),
            ("TOKENS_TABLE", " ", "must be set"),
        ] {
            assert_eq!(
                read(&[(name, value)]).unwrap_err(),
                format!("{name} {rule}")
            );
        }
    }

    #[test]
    fn orders_the_three_ages() {
        let ages = |min_refresh: &str, ttl: &str, max_stale: &str| {
            read(&[
                ("SECRETS_MIN_REFRESH_SECONDS", min_refresh),
                ("SECRETS_TTL_SECONDS", ttl),
                ("SECRETS_MAX_STALE_SECONDS", max_stale),
            ])
        };
        for (min_refresh, ttl, max_stale) in [("1", "1", "2"), ("30", "300", "330")] {
            assert!(ages(min_refresh, ttl, max_stale).is_ok());
        }
        assert_eq!(
            ages("30", "29", "86400").unwrap_err(),
            "SECRETS_MIN_REFRESH_SECONDS must be at most SECRETS_TTL_SECONDS"
        );
        for (min_refresh, ttl, max_stale) in [("30", "300", "329"), ("1", "1", "1")] {
            assert_eq!(
                ages(min_refresh, ttl, max_stale).unwrap_err(),
                "SECRETS_TTL_SECONDS and SECRETS_MIN_REFRESH_SECONDS together must be at most \
                 SECRETS_MAX_STALE_SECONDS"
            );
        }
    }

    #[test]
    fn names_every_fault_at_once() {
        let error = Config::read(|_| None).unwrap_err().to_string();
        for name in SET_BY_LAMBDA {
            assert!(error.contains(name));
        }
        assert!(error.contains("API_KEYS_SECRET_ID") && error.contains("TOKENS_TABLE"));
    }

    #[test]
    fn a_switch_is_true_or_false() {
        for name in TRUE_OR_FALSE {
            for value in ["true", "False", "TRUE", "", " "] {
                assert!(read(&[(name, value)]).is_ok(), "{name}={value}");
            }
            for value in ["1", "yes", "true "] {
                let error = read(&[(name, value)]).unwrap_err();
                assert_eq!(error, format!("{name} must be true or false"));
            }
        }
    }

    #[test]
    fn what_lambda_sets_is_named_where_it_is_missing_or_blank() {
        for name in SET_BY_LAMBDA {
            for blank in ["", " "] {
                let error = read(&[(name, blank)]).unwrap_err();
                assert!(error.starts_with(&format!("{name} is not set: Lambda sets it")));
            }
        }
        let other = [("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "eu-west-1")];
        assert!(read(&other).is_ok());
    }
}
