//! What `tokenctl` says of itself, and of a command line that it cannot use.

use service_tests::Service;

use crate::shell::Shell;

#[tokio::test]
async fn options_stand_under_headings_and_an_example_below() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let help = shell
        .run("partner rotate api-key --help")
        .await
        .expect(0)
        .out;
    for part in [
        "Rotate its X-API-KEY: append, remove",
        "\nDeployment:",
        "\nOutput:",
        "\nStep:",
        "\nWaiting:",
        "\nExample:\n  tokenctl partner rotate api-key hooli",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}

#[tokio::test]
async fn the_version_has_the_commit() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    let said = shell.run("-V").await.expect(0).out;
    let commit = said
        .strip_prefix(concat!("tokenctl ", env!("CARGO_PKG_VERSION"), " (commit "))
        .and_then(|rest| rest.strip_suffix(")\n"));
    // Outside of a clone there is none.
    if let Some(commit) = commit {
        assert!(
            commit.len() >= 7 && commit.chars().all(|it| it.is_ascii_hexdigit()),
            "{said}"
        );
    } else {
        assert_eq!(said, concat!("tokenctl ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[tokio::test]
async fn what_was_typed_is_named_with_its_rule() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    for (line, told) in [
        (
            "partner add x --program-id x",
            "invalid value 'x' for '--program-id <N>': it must be a whole number from 0 to 2147483647",
        ),
        (
            "partner add x --program-id 1 --token-ttl 5",
            "for '--token-ttl <SECONDS>': it must be a whole number from 60 to 86400",
        ),
        (
            "partner add no/id --program-id 1",
            "invalid value 'no/id' for '<ID>': it must be 1-64 characters of",
        ),
        (
            "resource-server add no/id",
            "invalid value 'no/id' for '<ID>': it must be 1-64 characters of",
        ),
        (
            "keys rotate token --secrets-ttl 0",
            "for '--secrets-ttl <SECONDS>': it must be a whole number from 1 to 86400",
        ),
    ] {
        let refused = shell.run(line).await.expect(2);
        assert!(refused.err.contains(told), "{told}\n{refused:?}");
    }
}

#[tokio::test]
async fn the_other_names_of_commands_are_known() {
    let service = Service::start().await;
    let shell = Shell::of(&service);
    for line in ["partners list", "resource-servers list", "keys list"] {
        shell.run(line).await.expect(0);
    }
}
