//! What the partner says of the customer.

use std::time::{SystemTime, UNIX_EPOCH};

use service_tests::{Plain, Service, reference};
use time::{Date, Duration, OffsetDateTime};

use super::{accepts, quoted, refuses, tells_apart, tells_values_apart, texts};

#[tokio::test]
async fn a_name_is_1_to_100_characters_without_controls() {
    let service = Service::start().await;
    for member in ["firstName", "firstname", "lastName", "lastname", "name"] {
        let accepted = [
            "a",
            " ",
            "David beckham",
            "O'Neil-Ñandú",
            "李",
            "\u{200b}",
            "\u{2028}",
            "\"\\/",
        ];
        accepts(&service, member, &quoted(&accepted)).await;
        let longest = ["a".repeat(100), "é".repeat(100), "\u{1f600}".repeat(100)];
        accepts(&service, member, &quoted(&longest)).await;
        let mut refused = quoted(&[
            "", "a\nb", "\t", "\u{0}", "\u{1f}", "a\u{7f}", "\u{80}", "\u{85}", "\u{9f}",
        ]);
        refused.extend(quoted(&["a".repeat(101), "\u{1f600}".repeat(101)]));
        refused.extend(texts(&["1", "true", "[]", "{}", r#"["a"]"#]));
        refuses(&service, member, &refused).await;
    }
}

#[tokio::test]
async fn a_name_has_two_spellings_of_which_one_is_given() {
    let service = Service::start().await;
    let (first_1, first_2) = (("firstName", r#""Ana""#), ("firstname", r#""Ana""#));
    let (last_1, last_2) = (("lastName", r#""Ana""#), ("lastname", r#""Ana""#));
    tells_apart(
        &service,
        &[
            &[
                &[first_1],
                &[first_2],
                &[first_1, ("firstname", "null")],
                &[("firstName", "null"), first_2],
            ],
            &[&[last_1], &[last_2]],
            &[&[("name", r#""Ana""#)]],
            &[&[]],
            // Not one of the two spellings, so unknown, so ignored.
            &[
                &[("firstName", r#""ana""#)],
                &[("firstName", r#""ana""#), ("FirstName", r#""Ana""#)],
            ],
            &[&[("firstName", r#""Ana ""#)]],
        ],
    )
    .await;
    for [name, alias] in [["firstName", "firstname"], ["lastName", "lastname"]] {
        for value in [r#""Ana""#, r#""Bea""#] {
            let plain = Plain::new().with(name, r#""Ana""#).with(alias, value);
            let reply = service.ask(&plain).await.refused(400, "TOK400");
            let failing = reply.failing();
            assert!(
                !failing.is_empty() && failing.iter().all(|field| [name, alias].contains(field)),
                "{reply}"
            );
        }
    }
}

#[tokio::test]
async fn an_email_is_what_browsers_accept() {
    let service = Service::start().await;
    let label = "a".repeat(63);
    // 254: 58 + @ + 3 * 64 + 3.
    let longest = format!("{}@{label}.{label}.{label}.com", "a".repeat(58));
    assert_eq!(longest.len(), 254);
    let accepted = [
        "mail@test.com",
        "OperationalSupport@wibmo.com",
        "a@b",
        "1@2",
        ".a@b",
        "a..b@c",
        "a.@b",
        "!#$%&'*+/=?^_`{|}~-@a-b.c",
        &format!("a@{label}"),
        "a@xn--bcher-kva.example",
        &longest,
    ];
    accepts(&service, "email", &quoted(&accepted)).await;
    let mut refused = quoted(&[
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a@b c",
        " a@b",
        "a@b ",
        "a@b\n",
        "a@-b",
        "a@b-",
        "a@b.",
        "a@.b",
        "a@b..c",
        "a@b_c",
        "a@b,c",
        "\"a b\"@c",
        "a(c)@b",
        "a@[127.0.0.1]",
        "é@b.com",
        "a@bücher.example",
        &format!("a@{label}a"),
        &format!("a{longest}"),
    ]);
    refused.extend(texts(&["1", "true", "[]", "{}"]));
    refuses(&service, "email", &refused).await;
    tells_values_apart(
        &service,
        "email",
        &[
            &[r#""a@b.com""#, r#""\u0061@b.com""#],
            &[r#""A@b.com""#],
            &[""],
        ],
    )
    .await;
}

#[tokio::test]
async fn an_isd_code_is_1_to_4_digits_and_its_plus_is_dropped() {
    let service = Service::start().await;
    let accepted = [
        "91",
        r#""91""#,
        r#""+91""#,
        "1",
        "9999",
        r#""9999""#,
        r#""+9999""#,
        r#""0001""#,
        "0",
        r#""""#,
        r#""0""#,
    ];
    accepts(&service, "isdCode", &texts(&accepted)).await;
    let refused = [
        "10000",
        r#""10000""#,
        r#""+10000""#,
        r#""+""#,
        r#""++91""#,
        r#""91+""#,
        r#""-91""#,
        "-91",
        "-0",
        "91.0",
        "9e1",
        r#"" 91""#,
        r#""9 1""#,
        r#""00 91""#,
        r#""９１""#,
        "true",
        "[]",
        "{}",
        "[91]",
    ];
    refuses(&service, "isdCode", &texts(&refused)).await;
    tells_values_apart(
        &service,
        "isdCode",
        &[
            &["91", r#""91""#, r#""+91""#],
            &[r#""091""#, r#""+091""#],
            &["", "0", r#""""#, "null"],
            &["1"],
        ],
    )
    .await;
}

#[tokio::test]
async fn a_mobile_number_is_4_to_15_digits_and_its_plus_is_dropped() {
    let service = Service::start().await;
    let accepted = [
        "9642308308",
        "1000",
        r#""1000""#,
        r#""+1000""#,
        "999999999999999",
        r#""999999999999999""#,
        r#""+999999999999999""#,
        r#""0000""#,
    ];
    accepts(&service, "mobileNumber", &texts(&accepted)).await;
    let refused = [
        "999",
        "0",
        r#""999""#,
        r#""+999""#,
        r#""""#,
        r#""+""#,
        "1000000000000000",
        r#""1000000000000000""#,
        r#""+1000000000000000""#,
        "-9642308308",
        r#""++1000""#,
        "1000.0",
        "1e9",
        r#""96423 08308""#,
        r#""96423-08308""#,
        r#""９６４２""#,
        "true",
        "[]",
        "{}",
    ];
    refuses(&service, "mobileNumber", &texts(&refused)).await;
    tells_values_apart(
        &service,
        "mobileNumber",
        &[
            &["9642308308", r#""9642308308""#, r#""+9642308308""#],
            &[r#""09642308308""#],
            &[""],
        ],
    )
    .await;
}

#[tokio::test]
async fn a_date_of_birth_is_a_real_day_in_either_order() {
    let service = Service::start().await;
    let accepted = [
        "19880515",
        r#""19880515""#,
        "15051988",
        r#""15051988""#,
        "5051988",
        r#""05051988""#,
        "19000101",
        "1011900",
        r#""01011900""#,
        "20000229",
        "29022000",
        "20121988",
        "19122001",
        "20112011",
        "20201231",
    ];
    accepts(&service, "dob", &texts(&accepted)).await;
    let refused = [
        "18991231",
        "31121899",
        r#""31121899""#,
        "19000229",
        "29021900",
        "29022001",
        "31041988",
        "19881301",
        "19880532",
        "19880500",
        "0",
        "1",
        "880515",
        "150588",
        r#""5051988""#,
        "9992011",
        "198805150",
        r#""""#,
        r#""1988-05-15""#,
        r#""15/05/1988""#,
        r#"" 19880515""#,
        r#""19880515 ""#,
        r#""+19880515""#,
        r#""00000000""#,
        r#""１９８８０５１５""#,
        "-19880515",
        "19880515.0",
        "1.9880515e7",
        "1e7",
        "true",
        "[]",
        "{}",
        r#""ddmmyyyy""#,
        "99991231",
        "21000101",
    ];
    refuses(&service, "dob", &texts(&refused)).await;
    tells_values_apart(
        &service,
        "dob",
        &[
            &["19880515", r#""19880515""#, "15051988", r#""15051988""#],
            &["19880505", "5051988", r#""05051988""#],
            &["19880516"],
            &["20112011", "20111120"],
            &["", "null"],
        ],
    )
    .await;
}

#[tokio::test]
async fn a_date_of_birth_is_at_most_today() {
    let service = Service::start().await;
    loop {
        let today = today();
        let day = |days: i64| compact(today + Duration::days(days));
        let plain = |dob: &str| Plain::new().with("dob", dob);
        let (on_the_day, before) = (
            service.ask(&plain(&day(1))).await,
            service.ask(&plain(&day(0))).await,
        );
        if self::today() != today {
            continue; // It was midnight meanwhile.
        }
        assert_eq!(on_the_day.refused(400, "TOK400").failing(), ["dob"]);
        before.issued();
        return;
    }
}

fn today() -> Date {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    OffsetDateTime::from_unix_timestamp(now.try_into().unwrap())
        .unwrap()
        .date()
}

fn compact(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}{:02}{day:02}", u8::from(month))
}

#[tokio::test]
async fn members_are_not_mixed_up_with_each_other() {
    let service = Service::start().await;
    let reference = reference();
    let plain = Plain::of(&reference)
        .text("firstName", "Ana")
        .text("lastName", "Bea");
    let first = service.ask(&plain).await.issued();
    for other in [
        Plain::of(&reference)
            .text("firstName", "Bea")
            .text("lastName", "Ana"),
        Plain::of(&reference).text("firstName", "AnaBea"),
        Plain::of(&reference)
            .text("firstName", "Ana")
            .text("name", "Bea"),
        Plain::of(&reference)
            .text("firstName", "Ana")
            .with("data", r#"{"lastName":"Bea"}"#),
        Plain::of(&reference).text("firstName", "Ana"),
        plain.clone().text("name", "Cleo"),
    ] {
        service.ask(&other).await.conflicts("reused");
    }
    service.ask(&plain).await.replays(&first);
}
