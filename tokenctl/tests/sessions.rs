//! Sessions: shown and ended.

use service_tests::{Plain, Service};

use crate::shell::Shell;

const SEED_ACCOUNT: &str = "123123123";

#[tokio::test]
async fn a_session_is_shown_without_the_customer_unless_asked() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let plain = Plain::seed();
    service.ask(&plain).await.issued();
    let line = format!("session show acme {}", plain.reference());
    let shown = shell.run(&line).await.expect(0);
    assert!(
        shown.out.contains("of acme") && shown.out.contains("active"),
        "{shown:?}"
    );
    assert!(!shown.out.contains("beckham") && !shown.out.contains(SEED_ACCOUNT));
    let revealed = shell
        .run(&format!("--json {line} --reveal"))
        .await
        .expect(0)
        .json();
    assert_eq!(revealed["customer"]["name"], "David beckham");
    assert!(
        !revealed.to_string().contains("eyJ"),
        "a token is never shown"
    );
    let of_globex = format!("session show globex {}", plain.reference());
    shell.run(&of_globex).await.expect(5);
    shell.run("session show acme nobody-asked").await.expect(5);
    shell.run("session show acme no/reference").await.expect(2);
    shell.run("session show no/partner s").await.expect(2);
}

#[tokio::test]
async fn a_session_is_ended_if_that_is_said_twice() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    service.ask(&Plain::of("s")).await.issued();
    let unsaid = shell.run("session invalidate acme s").await.expect(2);
    assert!(unsaid.err.contains("--yes"), "{unsaid:?}");
    let line = "--json session invalidate acme s --yes";
    let ended = shell.run(line).await.expect(0).json();
    assert_eq!(ended["state"], "revoked");
}
