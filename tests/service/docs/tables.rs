//! What the page's tables state, held against the running service.

use peers::partner::seal;
use sandbox::{Fault, Sandbox};
use service_tests::{Event, Plain, Reply, Service, acme, reference};

use crate::contract;

/// Each row of the table happens, in the table's order of precedence, and there is no other code.
#[tokio::test]
async fn the_error_table_has_every_code_in_its_order() {
    let service = Service::start().await;
    let key = &acme().payload_keys[0];

    // Each is all right but for one thing less than the one before it.
    let plain = Plain::new();
    let at_most = "x".repeat(32 * 1024);
    let wrong_path = Event::of_body(&format!("{at_most}x"))
        .path("/token-service")
        .method("PUT")
        .header("Content-Type", "text/html")
        .without_header("X-API-KEY");
    let wrong_method = wrong_path.clone().path(peers::partner::TOKEN_PATH);
    let too_large = wrong_method.clone().method("GET");
    let wrong_type = Event::of_body(&at_most)
        .header("Content-Type", "text/html")
        .without_header("X-API-KEY");
    let no_api_key = wrong_type.clone().header("Content-Type", "text/plain");
    let no_jwe = Event::of_body(&at_most);
    let invalid = plain
        .clone()
        .without("accountNumber")
        .text("sdkApiKey", "another's");
    let not_theirs = plain.clone().text("sdkApiKey", "another's");
    let reused = plain.clone().text("name", "Another");

    service.ask(&plain).await.issued();
    let mut replies = Vec::new();
    for event in [wrong_path, wrong_method, too_large, wrong_type] {
        replies.push(service.invoke_event(&event).await);
    }
    replies.push(without_secrets(&no_api_key).await);
    for event in [no_api_key, no_jwe] {
        replies.push(service.invoke_event(&event).await);
    }
    for plain in [&invalid, &not_theirs, &reused] {
        replies.push(service.ask(plain).await);
    }
    for fault in [
        Fault::Status(503, "ServiceUnavailable".to_owned()),
        Fault::Status(400, "AccessDeniedException".to_owned()),
    ] {
        service.dynamodb_faults().set_always(Some(fault));
        let body = seal(Plain::of(&reference()).json().as_bytes(), &key.k, None);
        replies.push(service.post(&body).await);
    }

    let happened: Vec<contract::Error> = replies.iter().map(row).collect();
    let mut stated = contract::errors();
    for ((_, code, encrypted), (.., sealed)) in stated.iter_mut().zip(&happened) {
        assert!(
            encrypted.is_some() || *sealed == Some(true),
            "{code} was decrypted"
        );
        *encrypted = *encrypted.as_ref().map_or(sealed, |_| encrypted);
    }
    assert_eq!(happened, stated);
}

fn row(reply: &Reply) -> contract::Error {
    (
        reply.status,
        reply.text("resCode").to_owned(),
        Some(reply.is_sealed()),
    )
}

/// What a service says that has never read its secrets.
async fn without_secrets(event: &Event) -> Reply {
    let service = Service::start_with(|options| {
        let denied = Fault::Status(400, "AccessDeniedException".to_owned());
        options.secrets_faults.set_always(Some(denied));
    })
    .await;
    service.invoke_event(event).await
}

/// The function refuses a value below each range that the page states, in words that name that range.
#[tokio::test]
async fn the_environment_table_has_every_variable_and_its_range() {
    let mut expected = Vec::new();
    for [name, default, rule] in contract::variables() {
        let range = rule.split(';').next().unwrap();
        let rule = match range.split_once('-') {
            _ if default == "required" => "must be set".to_owned(),
            _ if range.ends_with("printable ASCII") => format!("must be {range} characters"),
            Some((least, most)) => format!("must be an integer from {least} to {most}"),
            None => panic!("{name}: {range}"),
        };
        expected.push((name.clone(), format!("{name} {rule}")));
    }
    assert!(expected.len() >= 10);

    // A variable that is empty breaks every rule; the sandbox removes one that is given an empty value.
    let mut options = sandbox::Options::default();
    for (name, rule) in &expected {
        let value = if rule.ends_with("must be set") {
            ""
        } else {
            "\u{7f}"
        };
        options.env.push((name.clone(), value.to_owned()));
    }
    let error = match Sandbox::start(options).await {
        Ok(_) => panic!("the function starts with every variable wrong"),
        Err(error) => error.to_string(),
    };
    for (_, rule) in expected {
        assert!(error.contains(&rule), "not said: {rule}\n{error}");
    }
}
