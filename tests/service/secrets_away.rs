//! Secrets Manager is away, with the ages that are deployed (300 s, 30 s, a day) and a clock that
//! is moved.

use peers::rules::introspection::Introspected;
use sandbox::{Fault, Faults};
use service_tests::{Clocked, Event, Plain, Reply, Session, api_keys};

const DAY: u64 = 86_400;

fn unavailable(reply: Reply) -> u64 {
    let reply = reply.refused_plainly(503, "TOK503");
    reply.header("retry-after").unwrap().parse().unwrap()
}

fn refused(status: u16, error: &str) -> (u16, Introspected) {
    (status, Introspected::Refused(error.to_owned()))
}

/// Nobody is served, whatever he asks for.
async fn is_away(world: &Clocked, session: &Session) {
    unavailable(world.service.ask(&Plain::new()).await);
    unavailable(world.service.renew(session).await);
    unavailable(world.service.invalidate(&session.reference).await);
    let unavailable = refused(503, "temporarily_unavailable");
    assert_eq!(world.service.introspect_session(session).await, unavailable);
}

/// Writes the partners' secret with the first one disabled.
fn disable_the_partner(world: &Clocked) {
    let mut partners = api_keys();
    partners["partners"][0]["enabled"] = false.into();
    world
        .service
        .put_secret("token-service/api-keys", &partners.to_string())
        .unwrap();
}

#[tokio::test]
async fn a_cold_start_without_it_is_503_until_the_next_attempt_is_allowed_and_no_crash_loop() {
    for fault in [
        Fault::Refuse,
        Fault::Throttle,
        Fault::Malformed,
        Fault::status(500, "InternalServiceError"),
    ] {
        let faults = Faults::default();
        faults.set_always(Some(fault.clone()));
        let mut world = Clocked::start(|options| options.secrets_faults = faults).await;
        let pids = world.service.function_pids();
        for _ in 0..3 {
            let reads = world.service.secret_reads();
            let seconds = unavailable(world.service.ask(&Plain::new()).await);
            assert!((20..=30).contains(&seconds), "{fault:?}: {seconds}");
            // It has just tried, and waits; then each request that is allowed to tries once more.
            assert_eq!(world.service.secret_reads(), reads, "{fault:?}");
            world.pass(31);
            unavailable(world.service.ask(&Plain::new()).await);
            assert!(world.service.secret_reads() > reads, "{fault:?}");
        }
        world.service.secrets_faults().set_always(None);
        unavailable(world.service.ask(&Plain::new()).await);
        world.pass(31);
        world.service.ask(&Plain::new()).await.issued();
        assert_eq!(
            world.service.function_pids(),
            pids,
            "{fault:?}: the process it began with"
        );
    }
}

#[tokio::test]
async fn warm_it_serves_every_request_for_a_day_then_503_and_then_recovers() {
    let mut world = Clocked::start(|_| ()).await;
    let mut session = world.service.begin().await;
    world
        .service
        .secrets_faults()
        .set_always(Some(Fault::Throttle));
    let hours = 23;
    for hour in 0..hours {
        world.pass(3600);
        let reply = world.service.ask(&Plain::new()).await;
        assert_eq!(reply.status, 200, "in hour {hour}: {reply}");
        // Half a day is a session's length.
        if hour == 11 {
            session = world.service.begin().await;
        }
        let renewed = world.service.renew(&session).await.issued();
        session = session.with_token(renewed.token());
        let active = world.service.introspect_session(&session).await;
        assert!(
            matches!(active, (200, Introspected::Active(_))),
            "{active:?}"
        );
    }
    world.pass(DAY - hours * 3600 - 120);
    world.service.ask(&Plain::new()).await.issued();
    world.pass(121);
    is_away(&world, &session).await;
    world.service.secrets_faults().set_always(None);
    world.pass(31);
    world.service.ask(&Plain::new()).await.issued();
}

#[tokio::test]
async fn a_disabled_partner_is_out_with_the_first_request_after_the_ttl() {
    // Whatever comes first.
    for first in 0..4 {
        let mut world = Clocked::start(|_| ()).await;
        let session = world.service.begin().await;
        disable_the_partner(&world);
        world.pass(301);
        let service = &world.service;
        for operation in [first, 0, 1, 2, 3] {
            let reply = match operation {
                0 => service.ask(&Plain::new()).await,
                1 => service.renew(&session).await,
                2 => service.invalidate(&session.reference).await,
                _ => {
                    let inactive = (200, Introspected::Inactive);
                    assert_eq!(world.service.introspect_session(&session).await, inactive);
                    continue;
                }
            };
            reply.refused_plainly(401, "TOK002");
        }
    }
}

#[tokio::test]
async fn a_disabled_resource_server_is_out_with_the_first_request_after_the_ttl() {
    let mut world = Clocked::start(|_| ()).await;
    let session = world.service.begin().await;
    let active = world.service.introspect_session(&session).await;
    assert!(
        matches!(active, (200, Introspected::Active(_))),
        "{active:?}"
    );
    let mut document = api_keys();
    document["resourceServers"][0]["enabled"] = false.into();
    world
        .service
        .put_secret("token-service/api-keys", &document.to_string())
        .unwrap();
    world.pass(301);
    let unknown = refused(401, "invalid_client");
    assert_eq!(world.service.introspect_session(&session).await, unknown);
}

#[tokio::test]
async fn a_partner_disabled_during_an_outage_is_out_within_a_day_or_with_its_end() {
    let mut world = Clocked::start(|_| ()).await;
    world.service.ask(&Plain::new()).await.issued();
    world
        .service
        .secrets_faults()
        .set_always(Some(Fault::Throttle));
    disable_the_partner(&world);
    world.pass(DAY + 1);
    unavailable(world.service.ask(&Plain::new()).await);
    world.service.secrets_faults().set_always(None);
    world.pass(31);
    world
        .service
        .ask(&Plain::new())
        .await
        .refused_plainly(401, "TOK002");
}

#[tokio::test]
async fn after_a_bad_write_a_new_instance_serves_for_a_day_and_asks_every_30_seconds() {
    let mut world = Clocked::start(|_| ()).await;
    let spoil = |service: &service_tests::Service| {
        service
            .put_secret("token-service/api-keys", "rubbish")
            .unwrap();
    };
    spoil(&world.service);
    world.service.end_idle_instances().await;
    world.service.ask(&Plain::new()).await.issued();
    disable_the_partner(&world);
    world.pass(25);
    world.service.ask(&Plain::new()).await.issued();
    world.pass(6);
    let reply = world.service.ask(&Plain::new()).await;
    reply.refused_plainly(401, "TOK002");

    // And as long as nobody mends it:
    let document = api_keys().to_string();
    world
        .service
        .put_secret("token-service/api-keys", &document)
        .unwrap();
    spoil(&world.service);
    world.service.end_idle_instances().await;
    world.service.ask(&Plain::new()).await.issued();
    for hour in 1..24 {
        world.pass(3600);
        let reply = world.service.ask(&Plain::new()).await;
        assert_eq!(reply.status, 200, "in hour {hour}: {reply}");
    }
    world.pass(3600);
    unavailable(world.service.ask(&Plain::new()).await);
}

#[tokio::test]
async fn a_clock_that_steps_back_by_less_than_a_minute_changes_nothing() {
    let mut world = Clocked::start(|_| ()).await;
    world.service.ask(&Plain::new()).await.issued();
    let reads = world.service.secret_reads();
    world
        .service
        .secrets_faults()
        .set_always(Some(Fault::Throttle));
    // By this clock the values were read later than now. They are served, and strangers wait 30 s.
    world.skew(-59);
    let stranger = Event::new(&Plain::new()).header("X-API-KEY", "unknown");
    for _ in 0..3 {
        world.service.ask(&Plain::new()).await.issued();
        let reply = world.service.invoke_event(&stranger).await;
        reply.refused_plainly(401, "TOK002");
    }
    assert_eq!(world.service.secret_reads(), reads);
    // After a step of more than a minute nobody knows how old they are.
    world.skew(-100);
    unavailable(world.service.ask(&Plain::new()).await);
    assert!(world.service.secret_reads() > reads);
}

#[tokio::test]
async fn a_clock_that_goes_backwards_has_the_secrets_read_again() {
    let mut world = Clocked::start(|_| ()).await;
    world.service.ask(&Plain::new()).await.issued();
    let reads = world.service.secret_reads();
    world.skew(-300);
    world.service.ask(&Plain::new()).await.issued();
    assert_eq!(world.service.secret_reads(), reads + 2);
    // And if they cannot be read, nobody knows how old they are: they are not served.
    world
        .service
        .secrets_faults()
        .set_always(Some(Fault::Throttle));
    world.skew(-600);
    unavailable(world.service.ask(&Plain::new()).await);
    world.service.secrets_faults().set_always(None);
    world.pass(31);
    world.service.ask(&Plain::new()).await.issued();
}
