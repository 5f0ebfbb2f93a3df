//! The end of a sequence: all faults end, clocks are right, everybody is enabled. A caller that
//! retries gets its answer.

use std::time::Duration;

use crate::{
    judge::Rule,
    run::{Next, Run, Stop},
    send::Manner,
    sequence::{
        Ask, Deed, Introspect, Invalidate, Keys, PairId, Partner, Party, Renew, Request, Server,
        Step,
    },
};

/// A caller must be served within this many retries.
const RETRIES: usize = 8;

/// How often it retries on a machine that is too busy to serve anybody, which says nothing of the
/// function.
const RETRIES_IN_NOISE: usize = 64;

impl Run {
    /// Each customer asks again, each app renews and is introspected, and then each session is
    /// ended.
    pub(crate) async fn calm(&mut self) -> Result<(), Stop> {
        self.tell("all faults end, clocks are right, everybody is enabled".to_owned());
        self.world.recover()?;
        self.world.right_clocks()?;
        let partners = Partner::ALL.map(Party::Partner);
        for party in partners.into_iter().chain(Server::ALL.map(Party::Server)) {
            self.enable(party, true)?;
        }
        let all = self.judge.asked_for();
        for (pair, customer) in &all {
            self.gets_there(Request::Issue(Ask {
                pair: *pair,
                customer: *customer,
                keys: Keys::Safe,
                named: true,
                legacy: false,
            }))
            .await?;
        }
        let holders = self.apps.holders();
        for (pair, app) in &holders {
            self.gets_there(renewal(*pair, *app)).await?;
            self.gets_there(introspection(*pair, *app)).await?;
        }
        let pairs: std::collections::BTreeSet<PairId> =
            holders.into_iter().map(|(pair, _)| pair).collect();
        for pair in pairs {
            self.gets_there(Request::Invalidate(Invalidate {
                pair,
                keys: Keys::Safe,
                named: true,
                legacy: false,
            }))
            .await?;
            self.gets_there(renewal(pair, 0)).await?;
            self.gets_there(introspection(pair, 0)).await?;
        }
        Ok(())
    }

    async fn gets_there(&mut self, request: Request) -> Result<(), Stop> {
        let step = Step::of(Deed::Ask(request));
        self.tell(step.to_string());
        let mut left = RETRIES;
        for _ in 0..RETRIES_IN_NOISE {
            match self.ask(&step, &[request], Manner::Patiently).await? {
                Next::Done => {
                    return self
                        .judge
                        .check(Rule::Recovers, || Ok(()))
                        .map_err(Stop::Violation);
                }
                Next::After { wait, noisy } => {
                    if !noisy {
                        left -= 1;
                    }
                    if left == 0 {
                        let never = || Err(format!("not after {RETRIES} retries: {request}"));
                        return self
                            .judge
                            .check(Rule::Recovers, never)
                            .map_err(Stop::Violation);
                    }
                    self.tell(format!("    again after {} s", wait.as_secs()));
                    self.figures.retries += 1;
                    self.pass(wait).await?;
                }
            }
        }
        Ok(())
    }

    async fn pass(&mut self, wait: Duration) -> Result<(), Stop> {
        Ok(self.world.pass(wait).await?)
    }
}

fn renewal(pair: PairId, app: u8) -> Request {
    Request::Renew(Renew {
        pair,
        app,
        spoilt: false,
        keys: Keys::Safe,
        legacy: false,
    })
}

fn introspection(pair: PairId, app: u8) -> Request {
    Request::Introspect(Introspect {
        server: Server::Wallet,
        pair,
        app,
        spoilt: false,
        keys: Keys::Safe,
    })
}
