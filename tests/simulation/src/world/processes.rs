//! The function's processes: who lives, what is known of each, and what is done to them.

use std::{collections::BTreeSet, io, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use sandbox::Break;
use service_tests::clocks::Moment;

use super::{Broken, FirstLoad, GONE, World};
use crate::sequence::Connections;

impl World {
    /// The function's processes.
    pub(crate) fn living(&self) -> Vec<u32> {
        self.sandbox.function_pids()
    }

    /// Notes who is there after a step that began at `began`, in which first loads of the secrets
    /// may have failed or not.
    pub(crate) fn look(&mut self, began: Moment, undisturbed: bool) {
        let living: BTreeSet<u32> = self.living().into_iter().collect();
        self.seen.retain(|pid, _| living.contains(pid));
        self.warm.retain(|pid, _| living.contains(pid));
        self.cut_off.retain(|pid, _| living.contains(pid));
        for pid in living {
            if self.seen.contains_key(&pid) {
                continue;
            }
            self.seen.insert(pid, began);
            if undisturbed {
                let load = FirstLoad {
                    after: began,
                    before: self.now(),
                };
                self.warm.insert(pid, load);
            }
        }
    }

    /// Notes that this process has served a request: it has had the secrets since it started, if
    /// not since later.
    pub(crate) fn has_served(&mut self, pid: u32) {
        if let Some(since) = self.seen.get(&pid) {
            let load = FirstLoad {
                after: *since,
                before: self.now(),
            };
            self.warm.entry(pid).or_insert(load);
        }
        // One that nothing comes through may still be the one to Secrets Manager.
        if self.cut_off.get(&pid) == Some(&Connections::Close) {
            self.cut_off.remove(&pid);
        }
    }

    /// Ends the processes without work.
    pub(crate) async fn restart(&mut self) {
        self.sandbox.end_idle_instances().await;
        let now = self.now();
        self.look(now, false);
    }

    /// Has all clocks show Lambda's time.
    pub(crate) fn right_clocks(&mut self) -> io::Result<()> {
        for pid in self.living() {
            if self.clocks.skew_of(pid) != 0 {
                self.warm.remove(&pid);
                self.clocks.skew(pid, 0)?;
            }
        }
        let living = self.living();
        self.clocks.skew_new(0, &living)
    }

    /// Sets a clock, and forgets what was known of the process by its old clock.
    pub(crate) fn skew(&mut self, which: Option<u8>, millis: i64) -> io::Result<()> {
        let living = self.living();
        let Some(which) = which else {
            return self.clocks.skew_new(millis, &living);
        };
        match living.get(usize::from(which) % living.len().max(1)) {
            Some(pid) => {
                self.warm.remove(pid);
                self.clocks.skew(*pid, millis)
            }
            None => Ok(()),
        }
    }

    /// Kills all processes, waits until they are gone, and says how many they were.
    pub(crate) async fn kill(&self) -> Result<u64, Broken> {
        let killed: BTreeSet<u32> = self.living().into_iter().collect();
        self.signal(Signal::KILL);
        let gone = async {
            while self.living().iter().any(|pid| killed.contains(pid)) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        match tokio::time::timeout(GONE, gone).await {
            Ok(()) => Ok(killed.len() as u64),
            Err(_elapsed) => Err(Broken::StillThere),
        }
    }

    /// Freezes the processes as Lambda does, breaks their connections meanwhile, and lets them go
    /// on.
    pub(crate) async fn freeze(&mut self, connections: Connections) {
        let how = match connections {
            Connections::Close => Break::Close,
            Connections::Silence => Break::Silence,
        };
        self.signal(Signal::STOP);
        self.sandbox.dynamodb_faults().break_connections(how);
        self.sandbox.secrets_faults().break_connections(how);
        // The closes arrive while nobody is there to see them.
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.signal(Signal::CONT);
        let cut_off = self.living().into_iter().map(|pid| (pid, connections));
        self.cut_off.extend(cut_off);
    }

    fn signal(&self, signal: Signal) {
        let pids = self.living().into_iter();
        for pid in pids.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            // One that has just ended has nothing to be told.
            let _ = kill_process(pid, signal);
        }
    }
}
