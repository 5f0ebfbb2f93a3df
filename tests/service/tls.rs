//! TLS to AWS: whose certificates the function trusts, and what an operator reads where it trusts
//! none.
//!
//! `bundle` has the files that `AWS_CA_BUNDLE` may name, `old` a server of TLS 1.1.

mod bundle;
mod old;

use sandbox::{Authority, Tls};
use serde_json::Value;
use service_tests::{Plain, Reply, Service, variables};
use tempfile::TempDir;

/// What the log says of a certificate that is not trusted, and its fix.
const UNTRUSTED: [&str; 2] = ["certificate is not trusted", "AWS_CA_BUNDLE"];

/// Where nobody listens: port 9 discards.
const CLOSED: &str = "https://localhost:9";
/// A URL whose name does not resolve, on any machine and without asking the network: a label has at
/// most 63 characters, and nothing is below `.invalid` (RFC 1035 section 2.3.4, RFC 6761 section
/// 6.4).
const NOWHERE: &str =
    "http://a-label-of-64-characters-is-longer-than-what-the-DNS-can-ask-for.invalid";

fn server(authority: &Authority) -> Tls {
    authority.server("localhost").unwrap()
}

/// Two authorities, of which the function trusts `trusted` by a bundle.
struct Network {
    trusted: Authority,
    foreign: Authority,
    folder: TempDir,
}

impl Network {
    fn new() -> Self {
        Self {
            trusted: Authority::new().unwrap(),
            foreign: Authority::new().unwrap(),
            folder: TempDir::new().unwrap(),
        }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn bundle(&self) -> String {
        self.file("bundle.pem", self.trusted.pem())
    }

    /// The certificates that this network must not trust, each with the reason.
    fn untrusted(&self) -> [(&'static str, Tls); 3] {
        [
            ("a foreign authority's", server(&self.foreign)),
            (
                "another host's",
                self.trusted
                    .server("dynamodb.eu-west-1.amazonaws.com")
                    .unwrap(),
            ),
            ("expired", self.trusted.expired_server("localhost").unwrap()),
        ]
    }
}

/// A service whose DynamoDB and Secrets Manager are these servers, or plain HTTP.
async fn start(dynamodb: Option<&Tls>, secrets: Option<&Tls>, env: &[(&str, &str)]) -> Service {
    Service::start_with(|options| {
        options.dynamodb_tls = dynamodb.cloned();
        options.secrets_tls = secrets.cloned();
        options.env = variables(env);
    })
    .await
}

/// The one reason for which a reply was refused.
async fn cause(service: &Service, reply: &Reply) -> String {
    let line = service.log_line(reply).await;
    line["cause"].as_str().unwrap_or_default().to_owned()
}

fn warnings(service: &Service) -> Vec<Value> {
    let mut lines = service.log_json();
    lines.retain(|line| line["level"] == "WARN");
    lines
}

/// Holds why each of the two secrets could not be read against these words.
fn no_secret_is_read(service: &Service, why: &str, words: &[&str]) {
    let mut lines = warnings(service);
    lines.retain(|line| line["message"] == "secret not refreshed");
    assert_eq!(lines.len(), 2, "{why}: {lines:?}");
    for line in lines {
        let error = line["error"].as_str().unwrap();
        assert!(
            words.iter().all(|word| error.contains(word)),
            "{why}: {line}"
        );
    }
}

async fn serves(dynamodb: &Tls, secrets: &Tls, env: &[(&str, &str)]) {
    let service = start(Some(dynamodb), Some(secrets), env).await;
    let plain = Plain::new();
    let first = service.ask(&plain).await.issued();
    service.ask(&plain).await.replays(&first);
    assert_eq!(warnings(&service), [] as [Value; 0]);
    // All handshakes are at the start, one for each secret and one for DynamoDB: no request waits
    // for any.
    let opened = [service.secrets_faults(), service.dynamodb_faults()]
        .map(|service| service.connections_opened());
    assert_eq!(opened, [2, 1]);
}

async fn dynamodb_is_untrusted(why: &str, dynamodb: &Tls, env: &[(&str, &str)]) {
    let service = start(Some(dynamodb), None, env).await;
    let reply = service.ask(&Plain::new()).await.refused(500, "TOK003");
    let cause = cause(&service, &reply).await;
    let is_told = UNTRUSTED.iter().all(|words| cause.contains(words));
    assert!(is_told, "{why}: {cause}");
    assert_eq!(service.puts(), 0, "{why}: something was sent");
}

async fn secrets_manager_is_untrusted(why: &str, secrets: &Tls, env: &[(&str, &str)]) {
    let service = start(None, Some(secrets), env).await;
    service
        .ask(&Plain::new())
        .await
        .refused_plainly(503, "TOK503");
    no_secret_is_read(&service, why, &UNTRUSTED);
    assert_eq!(service.secret_reads(), 0, "{why}: something was sent");
}

#[tokio::test]
async fn an_authority_of_the_bundle_is_trusted() {
    let network = Network::new();
    let several = [
        "# Of the network\n",
        &network.foreign.pem(),
        "\nthe proxy's:\r\n",
        &network.trusted.pem().replace('\n', "\r\n"),
    ];
    let several = network.file("several.pem", several.concat());
    let tls_1_3 = server(&network.trusted);
    let tls_1_2 = network.trusted.server_of_tls_1_2("localhost").unwrap();
    for bundle in [network.bundle(), several] {
        serves(&tls_1_3, &tls_1_2, &[("AWS_CA_BUNDLE", &bundle)]).await;
        serves(&tls_1_2, &tls_1_3, &[("AWS_CA_BUNDLE", &bundle)]).await;
    }
}

#[tokio::test]
async fn no_other_certificate_is_trusted() {
    let network = Network::new();
    let bundle = network.bundle();
    let env = [("AWS_CA_BUNDLE", bundle.as_str())];
    for (why, server) in network.untrusted() {
        dynamodb_is_untrusted(why, &server, &env).await;
        secrets_manager_is_untrusted(why, &server, &env).await;
    }
}

#[tokio::test]
async fn the_systems_authorities_are_not_trusted() {
    let network = Network::new();
    let server = server(&network.trusted);
    let (of_the_system, other) = (
        network.bundle(),
        network.file("other.pem", network.foreign.pem()),
    );
    let folder = network.folder.path().to_str().unwrap();
    for env in [
        &[("SSL_CERT_FILE", of_the_system.as_str())][..],
        &[("SSL_CERT_DIR", folder)],
        &[("SSL_CERT_FILE", &of_the_system), ("AWS_CA_BUNDLE", "")],
        &[("SSL_CERT_FILE", &of_the_system), ("AWS_CA_BUNDLE", &other)],
    ] {
        let why = format!("{env:?}");
        dynamodb_is_untrusted(&why, &server, env).await;
        secrets_manager_is_untrusted(&why, &server, env).await;
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_from_a_closed_port() {
    for (endpoint, words) in [
        (CLOSED, &["could not be reached"][..]),
        (NOWHERE, &["name does not resolve", "AWS_REGION", "DNS"]),
    ] {
        let service = start(None, None, &[("AWS_ENDPOINT_URL_DYNAMODB", endpoint)]).await;
        let reply = service.ask(&Plain::new()).await.refused(503, "TOK503");
        let cause = cause(&service, &reply).await;
        let is_told = words.iter().all(|word| cause.contains(word));
        assert!(is_told, "{endpoint}: {cause}");

        let service = start(
            None,
            None,
            &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint)],
        )
        .await;
        let reply = service.ask(&Plain::new()).await;
        reply.refused_plainly(503, "TOK503");
        no_secret_is_read(&service, endpoint, words);
    }
}

#[tokio::test]
async fn plain_http_to_another_host_is_warned_of() {
    let tls = NOWHERE.replace("http:", "https:");
    for (variable, endpoint, is_warned_of) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", NOWHERE, true),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", NOWHERE, true),
        ("AWS_ENDPOINT_URL", NOWHERE, true),
        ("AWS_ENDPOINT_URL_DYNAMODB", tls.as_str(), false),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://localhost:9", false),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.1.2.3:9", false),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://[::1]:9", false),
    ] {
        let mut env = vec![(variable, endpoint)];
        if variable == "AWS_ENDPOINT_URL" {
            env.push(("AWS_ENDPOINT_URL_DYNAMODB", ""));
        }
        let service = start(None, None, &env).await;
        let mut warnings = warnings(&service);
        warnings.retain(|line| line["variable"] == variable);
        assert_eq!(
            warnings.len(),
            usize::from(is_warned_of),
            "{variable}={endpoint}: {warnings:?}"
        );
        for line in warnings {
            let message = line["message"].as_str().unwrap();
            assert!(message.contains("plain http"), "{line}");
        }
    }
}
