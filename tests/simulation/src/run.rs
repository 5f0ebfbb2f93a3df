//! Runs a sequence: does its steps one after another, has each answer judged, and tells the story
//! of it.

use std::time::Duration;

use service_tests::clocks::Moment;

use crate::{
    Setting,
    documents::{LONGEST_LIFETIME, Stage},
    figures::Figures,
    judge::{Case, Judge, Known, RETENTION, Rule, Standing, Violation},
    send::{Manner, send},
    sequence::{Ask, Deed, Keys, Partner, Rotating, Sequence, Step},
    story,
    surroundings::Before,
    world::{Broken, World},
};

/// Whoever retries so often is to be served.
const RETRIES: usize = 8;

/// How often it retries on a machine that is too busy to serve anybody, which says nothing of the
/// function.
const RETRIES_IN_NOISE: usize = 64;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// What was counted.
    pub figures: Figures,
    /// Each step and what was answered.
    pub story: Vec<String>,
    /// The rule that did not hold; none if all did.
    pub violation: Option<Violation>,
}

/// How much of the function's log is told with a violation.
const LOG_LINES: usize = 25;

/// Runs a sequence in a world of its own.
///
/// # Errors
/// The simulation itself failed: see [`Broken`].
pub async fn run(sequence: &Sequence, setting: &Setting) -> Result<Report, Broken> {
    let world = World::start(sequence, setting).await?;
    let mut run = Run {
        began: world.now(),
        world,
        judge: Judge::default(),
        figures: Figures::default(),
        story: vec![story::beginning(sequence)],
    };
    run.figures.count_at_start(sequence);
    let violation = match run.all(sequence).await {
        Ok(()) => None,
        Err(Stop::Violation(violation)) => Some(violation),
        Err(Stop::Broken(broken)) => return Err(broken),
    };
    if violation.is_some() {
        run.story.push("the function's last log lines:".to_owned());
        let log = run.world.sandbox.log_lines();
        run.story
            .extend(log.into_iter().rev().take(LOG_LINES).rev());
    }
    let mut figures = run.figures;
    figures.sequences = 1;
    figures.checks = run.judge.checks;
    figures.simulated = run.world.now().since(run.began);
    run.world.sandbox.stop().await;
    Ok(Report {
        figures,
        story: run.story,
        violation,
    })
}

/// Why a run ends before its end.
enum Stop {
    Violation(Violation),
    Broken(Broken),
}

impl<E: Into<Broken>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

struct Run {
    began: Moment,
    world: World,
    judge: Judge,
    figures: Figures,
    story: Vec<String>,
}

/// What a caller does next.
enum Next {
    /// It has its answer.
    Done,
    /// Ask again after so long.
    After {
        wait: Duration,
        /// The machine was too busy for an answer that tells anything.
        noisy: bool,
    },
}

impl Run {
    async fn all(&mut self, sequence: &Sequence) -> Result<(), Stop> {
        for step in &sequence.steps {
            self.figures.count_step(&step.deed);
            self.tell(step.to_string());
            self.step(step).await?;
        }
        self.calm().await
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        let millis = |millis: u16| Duration::from_millis(millis.into());
        match &step.deed {
            Deed::Ask(ask) => {
                self.ask(step, &[*ask], Manner::Patiently).await?;
            }
            Deed::Together(asks) => {
                self.ask(step, asks, Manner::Patiently).await?;
            }
            Deed::Impatient(ask, after) => {
                let manner = Manner::Impatiently(millis(*after));
                self.ask(step, &[*ask], manner).await?;
            }
            Deed::Killed(ask, after) => {
                self.ask(step, &[*ask], Manner::UnderFire(millis(*after)))
                    .await?;
            }
            Deed::Rotate(what) => self.rotate(*what).await?,
            Deed::Enable(partner, on) => self.enable(*partner, *on)?,
            Deed::Outage(service, trouble) => self.world.break_down(*service, *trouble),
            Deed::Rubbish(document, how) => self.world.spoil(*document, *how)?,
            Deed::Recovery => self.world.recover()?,
            Deed::Pass(time) => self.world.pass(*time).await?,
            Deed::Skew(which, seconds) => {
                self.world.skew(*which, i64::from(*seconds) * 1000)?;
            }
            Deed::Restart => self.world.restart().await,
            Deed::Freeze(connections) => self.world.freeze(*connections).await,
        }
        Ok(())
    }

    /// The next step of a rotation, after the wait that the protocol asks of whoever rotates.
    async fn rotate(&mut self, what: Rotating) -> Result<(), Broken> {
        // Nobody edits a document that is broken, or goes on while none can be read.
        if self.world.is_dark() {
            self.tell("    not while the secrets cannot be read".to_owned());
            return Ok(());
        }
        let list = self.world.documents.list(what);
        let mut wait = self.world.wait(list.changed);
        if list.stage() == Stage::InFront {
            wait += match what {
                Rotating::Token => LONGEST_LIFETIME,
                Rotating::Record => LONGEST_LIFETIME + RETENTION,
                Rotating::Payload(_) | Rotating::Api(_) | Rotating::SdkApi(_) => Duration::ZERO,
            };
        }
        let waited = self.world.now().since(list.changed);
        if wait > waited {
            let left = Duration::from_secs((wait - waited).as_secs() + 1);
            self.tell(format!("    after a wait of {} s", left.as_secs()));
            self.world.pass(left).await?;
        }
        let now = self.world.now();
        self.world.documents.rotate(what, now);
        self.world.publish()
    }

    fn enable(&mut self, partner: Partner, on: bool) -> Result<(), Broken> {
        if self.world.is_dark() {
            self.tell("    not while the secrets cannot be read".to_owned());
            return Ok(());
        }
        let now = self.world.now();
        self.world.documents.enable(partner, on, now);
        self.world.publish()
    }

    /// Sends requests and has the answers judged. What the first of them is to do next is the last
    /// one's answer.
    async fn ask(&mut self, step: &Step, asks: &[Ask], manner: Manner) -> Result<Next, Stop> {
        let before = Before::of(&self.world);
        self.judge.asked(asks, &before.clocks());
        before.push(&self.world, step);
        let sent = send(&self.world, asks, manner).await?;
        let after = before.ended(&mut self.world, step, &sent);
        self.figures.count_sent(&sent, &after);

        let mut next = Next::Done;
        let server_keys = self.world.documents.server_keys();
        for received in &sent.received {
            let answered = &received.answered;
            self.tell(format!("    {}", story::answer(answered)));
            self.judge
                .judge(&Case {
                    answered,
                    standing: self.standing(&answered.ask),
                    conditions: &after.conditions,
                    item: received.item.as_ref(),
                    server_keys: &server_keys,
                })
                .map_err(Stop::Violation)?;
            next = match story::retry_after(answered) {
                None => Next::Done,
                Some(wait) => Next::After {
                    wait,
                    noisy: after.conditions.noisy,
                },
            };
        }
        self.judge.all_answered(asks).map_err(Stop::Violation)?;
        Ok(next)
    }

    fn standing(&self, ask: &Ask) -> Standing {
        let documents = &self.world.documents;
        let switch = documents.switch(ask.partner);
        let new_since = documents.new_since(ask.partner, ask.keys);
        Standing {
            enabled: (switch.on, self.world.knows(switch.changed)),
            keys: new_since.map_or(Known::Surely, |since| self.world.knows(since)),
        }
    }

    /// All faults end, clocks are right, partners are enabled: whoever has ever asked gets the
    /// answer that is right.
    async fn calm(&mut self) -> Result<(), Stop> {
        self.tell("all faults end, clocks are right, everybody is enabled".to_owned());
        self.world.recover()?;
        self.world.right_clocks()?;
        for partner in Partner::ALL {
            self.enable(partner, true)?;
        }
        let all: Vec<_> = self.judge.asked_for().collect();
        for (partner, reference, customer) in all {
            let ask = Ask {
                partner,
                reference,
                customer,
                keys: Keys::Safe,
                named: true,
                legacy: false,
            };
            self.gets_there(&ask).await?;
        }
        Ok(())
    }

    async fn gets_there(&mut self, ask: &Ask) -> Result<(), Stop> {
        let step = Step::of(Deed::Ask(*ask));
        self.tell(step.to_string());
        let mut left = RETRIES;
        for _ in 0..RETRIES_IN_NOISE {
            match self.ask(&step, &[*ask], Manner::Patiently).await? {
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
                        let never = || Err(format!("not after {RETRIES} retries: {ask}"));
                        return self
                            .judge
                            .check(Rule::Recovers, never)
                            .map_err(Stop::Violation);
                    }
                    self.tell(format!("    again after {} s", wait.as_secs()));
                    self.figures.retries += 1;
                    self.world.pass(wait).await?;
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, line: String) {
        self.story.push(line);
    }
}
