//! An introspection's form that two readers read differently.

use base64::{Engine, engine::general_purpose::STANDARD};
use peers::{resource_server::INTROSPECT_PATH, rules::introspection::Introspected};
use serde_json::json;
use service_tests::{Event, Service, claims};

use super::Records;

fn invalid(status: u16) -> (u16, Introspected) {
    (status, Introspected::Refused("invalid_request".to_owned()))
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// CWE-235, parameter pollution: there is one token or none, and no reader may find another.
#[tokio::test]
async fn finds_one_parameter_token_or_none() {
    let service = Service::start().await;
    let session = service.begin().await;
    let other = service.begin().await;
    let (t, o) = (session.token.as_str(), other.token.as_str());
    let known = [("acme", session.reference.as_str())];
    let records = Records::of(&service, &known);
    let rows = [
        format!("token={t}&token={t}"),
        format!("token={t}&token={o}"),
        format!("token=&token={t}"),
        format!("token&token={t}"),
        format!("token={t}&tok%65n={o}"),
        format!("%74%6F%6b%65%6e={t}&token={o}"),
        format!("token={t}&token%3d={o}&token%3D={o}"),
        format!("token={t}&client_id=a&client_id=b"),
        format!("token={t}&=a&=b"),
        // Arrays of PHP, Rails and .NET.
        format!("token[]={t}"),
        format!("token[0]={t}"),
        format!("token%5B%5D={t}"),
        format!("token.value={t}"),
        // CVE-2021-23336 (CPython): `;` is no separator.
        format!("a=1;token={t}"),
        format!("token;token={t}"),
        format!(";token={t}"),
        // Nearly the name.
        format!("+token={t}"),
        format!("token+={t}"),
        format!("token%20={t}"),
        format!("%00token={t}"),
        format!("token%00={t}"),
        format!("Token={t}"),
        format!("TOKEN={t}"),
        format!("\u{feff}token={t}"),
        format!("\r\ntoken={t}"),
        format!("?token={t}"),
        format!("tok%6%35n={t}"),
        format!("tok%u0065n={t}"),
        format!("tok%2565n={t}"),
        format!("token%3D{t}"),
        format!("token:{t}"),
        t.to_owned(),
        format!("\"token={t}\""),
        json!({ "token": t }).to_string(),
        "&".repeat(32 * 1024),
        String::new(),
    ];
    for body in &rows {
        let event = Event::introspection(body.as_bytes());
        for event in [
            event.clone(),
            event.text(body),
            Event::introspection(body.as_bytes()).http("$default"),
        ] {
            let found = service.invoke_introspection(&event.json()).await;
            assert_eq!(found, invalid(400), "{body}");
        }
    }
    for body in [
        // Overlong UTF-8 of `e` (CVE-2008-2938 in Tomcat), and UTF-16, whatever the type says.
        format!("tok%C1%A5n={t}").into_bytes(),
        [b"tok\xc1\xa5n=", t.as_bytes()].concat(),
        utf_16(&format!("token={t}"), u16::to_le_bytes),
        utf_16(&format!("token={t}"), u16::to_be_bytes),
        utf_16(&format!("\u{feff}token={t}"), u16::to_le_bytes),
    ] {
        for charset in ["utf-8", "utf-16", "utf-7", "ibm037"] {
            let content_type = format!("application/x-www-form-urlencoded; charset={charset}");
            let event = Event::introspection(&body).header("Content-Type", &content_type);
            let found = service.invoke_introspection(&event.json()).await;
            assert_eq!(found, invalid(400), "{}", body.escape_ascii());
        }
    }
    records.are_untouched();
}

/// Every byte of the value counts, once it is decoded.
#[tokio::test]
async fn takes_no_value_for_a_token_that_is_only_near_it() {
    let service = Service::start().await;
    let session = service.begin().await;
    let t = session.token.as_str();
    let known = [("acme", session.reference.as_str())];
    let records = Records::of(&service, &known);
    let inactive = (200, Introspected::Inactive);
    for body in [
        format!("token={t}+"),
        format!("token=+{t}"),
        format!("token=%20{t}"),
        format!("token={t}%20"),
        format!("token={t}%0A"),
        format!("token={t}\r\n"),
        format!("token={t}%00"),
        format!("token={t}%00&x=%00"),
        format!("token={t};token={t}"),
        format!("token={t};"),
        format!("token={t},{t}"),
        format!("token={t}=&x"),
        format!("token=\"{t}\""),
        format!("token=Bearer+{t}"),
        format!("token={}", t.replace('.', "%C0%AE")),
        format!("token={}", t.replace('.', "%252E")),
        format!("token={}", t.replace('.', "%uff0e")),
        format!("token={}", t.replace('.', "\u{ff0e}")),
        format!("token={t}%FF"),
        format!("token={}", STANDARD.encode(t)),
        format!("token=x&Token={t}&token[]={t}&token_type_hint={t}"),
        format!("token=x;token={t}"),
    ] {
        let event = Event::introspection(body.as_bytes());
        let found = service.invoke_introspection(&event.json()).await;
        assert_eq!(found, inactive, "{body}");
    }
    records.are_untouched();
    let active = (200, Introspected::Active(claims(t)));
    let encoded: String = t.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for body in [
        format!("token={encoded}"),
        format!("token_type_hint=refresh_token&token={t}"),
        format!("token[]=x&Token=y&token={t}&token.x=z"),
    ] {
        let event = Event::introspection(body.as_bytes());
        let found = service.invoke_introspection(&event.json()).await;
        assert_eq!(found, active, "{body}");
    }
}

#[tokio::test]
async fn reads_no_other_kind_of_body_and_no_query_string() {
    let service = Service::start().await;
    let session = service.begin().await;
    let t = session.token.as_str();
    let known = [("acme", session.reference.as_str())];
    let records = Records::of(&service, &known);
    let form = format!("token={t}");
    let part =
        format!("--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{t}\r\n--b--\r\n");
    let json = json!({ "token": t }).to_string();
    for (content_type, body) in [
        ("multipart/form-data; boundary=b", &part),
        ("application/json", &json),
        ("text/plain", &form),
        ("application/xml", &form),
        ("application/x-www-form-urlencoded, text/plain", &form),
        ("text/plain, application/x-www-form-urlencoded", &form),
        ("application/x-www-form-urlencoded,", &form),
        ("application/x-www-form-urlencoded text/plain", &form),
        ("application/x-www-form-urlencoded\u{0}", &form),
        ("application/x-www-form-urlencoded\u{a0}x", &form),
        ("x-www-form-urlencoded", &form),
        ("application/jose", &form),
        ("", &form),
    ] {
        let event = Event::introspection(body.as_bytes()).header("Content-Type", content_type);
        let found = service.invoke_introspection(&event.json()).await;
        assert_eq!(found, invalid(415), "{content_type}");
    }
    let mut twice = Event::introspection(form.as_bytes()).json();
    let form_type = "application/x-www-form-urlencoded";
    twice["multiValueHeaders"]["Content-Type"] = json!([form_type, form_type]);
    assert_eq!(service.invoke_introspection(&twice).await, invalid(415));
    for body in [&part, &json] {
        let event = Event::introspection(body.as_bytes());
        let found = service.invoke_introspection(&event.json()).await;
        assert_eq!(found, invalid(400), "{body}");
    }
    // The query string and what of the path looks like one.
    let mut query = Event::introspection(b"").json();
    query["queryStringParameters"] = json!({ "token": t });
    query["multiValueQueryStringParameters"] = json!({ "token": [t] });
    query["rawQueryString"] = form.clone().into();
    assert_eq!(service.invoke_introspection(&query).await, invalid(400));
    for end in [format!("?{form}"), format!(";{form}"), "%3f".to_owned()] {
        let event = Event::introspection(b"").path(&format!("{INTROSPECT_PATH}{end}"));
        let reply = service.invoke_event(&event).await;
        reply.refused_plainly(404, "TOK404");
    }
    // Base64 that is none, or that is of base64.
    let encoded = STANDARD.encode(&form);
    for text in [
        form.as_str(),
        &format!("{encoded}="),
        &format!("{encoded}\n"),
        &format!(" {encoded}"),
        &STANDARD.encode(&encoded),
        "====",
    ] {
        let event = Event::introspection(b"").base64(text);
        let found = service.invoke_introspection(&event.json()).await;
        assert_eq!(found, invalid(400), "{text}");
    }
    let event = Event::introspection(b"").text(&encoded);
    let found = service.invoke_introspection(&event.json()).await;
    assert_eq!(found, invalid(400), "base64 that is not flagged");
    records.are_untouched();
    // A charset is not looked at, and the body counts alone.
    let mut event = Event::introspection(form.as_bytes())
        .header(
            "Content-Type",
            "application/x-www-form-urlencoded;charset=utf-16",
        )
        .json();
    event["queryStringParameters"] = json!({ "token": "another" });
    let active = (200, Introspected::Active(claims(t)));
    assert_eq!(service.invoke_introspection(&event).await, active);
}
