//! Runs a sequence: does its steps one after another, has each answer judged, and tells the story
//! of it.

use std::time::Duration;

use service_tests::clocks::Moment;

use crate::{
    Setting,
    apps::Apps,
    call::Asked,
    documents::{Documents, LONGEST_LIFETIME, LONGEST_SESSION, Stage},
    figures::Figures,
    judge::{Case, Judge, Known, RETENTION, Standing, Violation},
    send::{Manner, look, send},
    sequence::{Deed, Party, Request, Rotating, Sequence, Step},
    story,
    surroundings::Before,
    world::{Broken, World},
};

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
        apps: Apps::default(),
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
pub(crate) enum Stop {
    Violation(Violation),
    Broken(Broken),
}

impl<E: Into<Broken>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

pub(crate) struct Run {
    began: Moment,
    pub(crate) world: World,
    pub(crate) apps: Apps,
    pub(crate) judge: Judge,
    pub(crate) figures: Figures,
    story: Vec<String>,
}

/// What a caller does next.
pub(crate) enum Next {
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
            Deed::Ask(request) => {
                self.ask(step, &[*request], Manner::Patiently).await?;
            }
            Deed::Together(requests) => {
                self.ask(step, requests, Manner::Patiently).await?;
            }
            Deed::Impatient(request, after) => {
                let manner = Manner::Impatiently(millis(*after));
                self.ask(step, &[*request], manner).await?;
            }
            Deed::Killed(request, after) => {
                self.ask(step, &[*request], Manner::UnderFire(millis(*after)))
                    .await?;
            }
            Deed::Rotate(what) => self.rotate(*what).await?,
            Deed::Enable(party, on) => self.enable(*party, *on)?,
            Deed::Shorten(partner, shortened) => {
                self.edit(|documents, now| documents.shorten(*partner, *shortened, now))?;
            }
            Deed::Copy(pair, from_to) => self.apps.copy(*pair, *from_to),
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
                Rotating::Record => LONGEST_SESSION + RETENTION,
                Rotating::Payload(_)
                | Rotating::Api(_)
                | Rotating::SdkApi(_)
                | Rotating::Secret(_) => Duration::ZERO,
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

    pub(crate) fn enable(&mut self, party: Party, on: bool) -> Result<(), Broken> {
        self.edit(|documents, now| documents.enable(party, on, now))
    }

    /// Changes the documents, and publishes them.
    fn edit(&mut self, change: impl FnOnce(&mut Documents, Moment)) -> Result<(), Broken> {
        if self.world.is_dark() {
            self.tell("    not while the secrets cannot be read".to_owned());
            return Ok(());
        }
        let now = self.world.now();
        change(&mut self.world.documents, now);
        self.world.publish()
    }

    /// Sends requests and has the answers judged. What their caller is to do next is the last
    /// one's answer. An app without a token sends nothing.
    pub(crate) async fn ask(
        &mut self,
        step: &Step,
        requests: &[Request],
        manner: Manner,
    ) -> Result<Next, Stop> {
        let asked = requests.iter().map(|request| self.apps.asked(*request));
        let asked: Vec<Asked> = asked.flatten().collect();
        if asked.len() < requests.len() {
            self.tell("    an app has no token yet".to_owned());
        }
        if asked.is_empty() {
            return Ok(Next::Done);
        }
        let before = Before::of(&self.world);
        let observed = look(&self.world, &asked).await?;
        self.judge.begins(&asked, &observed, &before.clocks());
        before.push(&self.world, step);
        let sent = send(&self.world, &asked, observed, manner).await?;
        let after = before.ended(&mut self.world, step, &sent);
        self.figures.count_sent(&sent, &after);

        for received in &sent.received {
            self.tell(format!("    {}", story::answer(&received.answered)));
        }
        let server_keys = self.world.documents.server_keys();
        let cases: Vec<Case<'_>> = sent
            .received
            .iter()
            .map(|received| Case {
                answered: &received.answered,
                observed: received.observed,
                standing: self.standing(&received.answered.asked),
                conditions: &after.conditions,
                server_keys: &server_keys,
            })
            .collect();
        self.judge
            .step(&cases, &sent.observed, &after.conditions)
            .map_err(Stop::Violation)?;
        let wait = cases.last().and_then(|case| {
            let has_token_key = case.standing.has_token_key;
            story::retry_after(case.answered, has_token_key)
        });
        for received in &sent.received {
            self.apps.hand_over(&received.answered, &server_keys);
        }
        Ok(match wait {
            None => Next::Done,
            Some(wait) => Next::After {
                wait,
                noisy: after.conditions.noisy,
            },
        })
    }

    fn standing(&self, asked: &Asked) -> Standing {
        let (world, request) = (&self.world, &asked.request);
        let documents = &world.documents;
        let partner = request.pair().partner;
        let enabled = |party| {
            let switch = documents.switch(party);
            (switch.on, world.knows(switch.changed))
        };
        let new_since = documents.new_since(request.party(), request.keys());
        let kid = asked.held.as_ref().and_then(|held| held.kid());
        Standing {
            enabled: enabled(request.party()),
            partner: enabled(Party::Partner(partner)),
            keys: new_since.map_or(Known::Surely, |since| world.knows(since)),
            sessions: documents.session_ttls(partner, |since| world.knows(since) == Known::Surely),
            ever: documents.session_ttls(partner, |_| false),
            has_token_key: kid.is_none_or(|kid| documents.has_token_key(&kid)),
        }
    }

    pub(crate) fn tell(&mut self, line: String) {
        self.story.push(line);
    }
}
