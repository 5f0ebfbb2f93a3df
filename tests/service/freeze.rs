//! Lambda freezes a process between requests, for hours if it likes. Meanwhile its kept-alive
//! connections go: AWS closes those that are idle, and what lies between forgets them. No caller is
//! to notice.

use std::time::Duration;

use peers::rules::introspection::Introspected;
use rustix::process::{Pid, Signal, kill_process};
use sandbox::Break;
use service_tests::{Clocked, Plain, Service, claims, variables};

fn signal(service: &Service, signal: Signal) {
    for pid in service.function_pids() {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

async fn frozen_while(service: &Service, how: Break) {
    signal(service, Signal::STOP);
    service.dynamodb_faults().break_connections(how);
    service.secrets_faults().break_connections(how);
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal(service, Signal::CONT);
}

#[tokio::test]
async fn a_frozen_process_survives_the_loss_of_its_connections() {
    // Well after the refresh of the secrets is due, and well before.
    for seconds in [3600, 10] {
        for how in [Break::Close, Break::Silence] {
            let shown = format!("{how:?} while {seconds} s pass");
            let day = [("TOKEN_TTL_SECONDS", "86400")];
            let mut world = Clocked::start(|options| options.env.extend(variables(&day))).await;
            let plain = Plain::new();
            let first = world.service.ask(&plain).await.issued();
            let session = world.service.begin().await;
            let pids = world.service.function_pids();
            let reads = world.service.secret_reads();
            // Each operation is the first one afterwards.
            for operation in 0..4 {
                frozen_while(&world.service, how).await;
                world.pass(seconds);
                let service = &world.service;
                let reply = match operation {
                    0 => service.ask(&Plain::new()).await,
                    1 => service.renew(&session).await,
                    2 => {
                        let active = Introspected::Active(claims(&session.token));
                        assert_eq!(service.introspect(&session.token).await, active, "{shown}");
                        continue;
                    }
                    _ => service.invalidate(&session.reference).await,
                };
                assert_eq!(reply.status, 200, "{shown}: {reply}");
            }
            assert_eq!(
                world.service.function_pids(),
                pids,
                "{shown}: the same process"
            );
            // It has asked again where it was due: the secrets served are no stale ones.
            let due = if seconds > 300 { 8 } else { 0 };
            assert!(world.service.secret_reads() >= reads + due, "{shown}");
            if seconds < 300 {
                world.service.ask(&plain).await.replays(&first);
            }
        }
    }
}

#[tokio::test]
async fn a_process_that_is_frozen_during_a_request_answers_when_it_goes_on() {
    let service = Service::start().await;
    let plain = Plain::new();
    service
        .dynamodb_faults()
        .push(sandbox::Fault::StallBefore(Duration::from_millis(300)));
    let (reply, ()) = tokio::join!(service.ask(&plain), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        signal(&service, Signal::STOP);
        // Longer than the attempt's limit: when it goes on, answer and timeout are both there.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        signal(&service, Signal::CONT);
    });
    let first = reply.issued();
    service.ask(&plain).await.replays(&first);
}
