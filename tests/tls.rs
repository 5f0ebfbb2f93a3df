//! TLS to AWS: whose certificates the function trusts, and what an operator reads where it trusts none.
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

/// A name that does not resolve, on any machine: a label of a name has at most 63 characters, and nothing is below `.invalid`
/// (RFC 1035 section 2.3.4, RFC 6761 section 6.4).
const NOWHERE: &str = "a-label-of-64-characters-is-longer-than-what-the-DNS-can-ask-for.invalid";

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

async fn serves(dynamodb: &Tls, secrets: &Tls, env: &[(&str, &str)]) {
    let service = start(Some(dynamodb), Some(secrets), env).await;
    let plain = Plain::new();
    let first = service.ask(&plain).await.issued();
    service.ask(&plain).await.replays(&first);
    assert_eq!(warnings(&service), [] as [Value; 0]);
    // One connection to DynamoDB, opened at the start: no request waits for a handshake.
    assert_eq!(service.dynamodb_faults().connections_opened(), 1);
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
    let warnings = warnings(&service);
    let of_secrets = warnings.iter().filter(|line| !line["Secret"].is_null());
    for line in of_secrets.clone() {
        let error = line["error"].as_str().unwrap();
        let is_told = UNTRUSTED.iter().all(|words| error.contains(words));
        assert!(is_told, "{why}: {line}");
    }
    assert_eq!(of_secrets.count(), 2, "{why}: {warnings:?}");
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
    // By its hash, as OpenSSL's folders have it, is not needed: every file of the folder is read.
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
async fn a_connection_that_fails_is_not_a_certificate_that_is_refused() {
    // Port 9 discards; nobody listens.
    let closed = "https://localhost:9";
    let nowhere = format!("https://{NOWHERE}");
    for (endpoint, told) in [
        (closed, "could not be reached"),
        (&nowhere, "name does not resolve"),
    ] {
        let service = start(None, None, &[("AWS_ENDPOINT_URL_DYNAMODB", endpoint)]).await;
        let reply = service.ask(&Plain::new()).await.refused(503, "TOK503");
        let cause = cause(&service, &reply).await;
        assert!(cause.contains(told), "{endpoint}: {cause}");

        let service = start(
            None,
            None,
            &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint)],
        )
        .await;
        service
            .ask(&Plain::new())
            .await
            .refused_plainly(503, "TOK503");
        let warnings = warnings(&service);
        assert_eq!(warnings.len(), 2, "{endpoint}: {warnings:?}");
        for line in warnings {
            let error = line["error"].as_str().unwrap();
            assert!(error.contains(told), "{endpoint}: {line}");
        }
    }
}

#[tokio::test]
async fn plain_http_to_another_host_is_warned_of() {
    let plain = format!("http://{NOWHERE}");
    let tls = format!("https://{NOWHERE}");
    for (variable, endpoint, is_warned_of) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", plain.as_str(), true),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &plain, true),
        ("AWS_ENDPOINT_URL", &plain, true),
        ("AWS_ENDPOINT_URL_DYNAMODB", &tls, false),
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
