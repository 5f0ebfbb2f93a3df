//! A service whose time passes when a test says so.

use std::{sync::LazyLock, time::Duration};

use sandbox::Options;

use crate::{
    Service,
    clocks::{Clocks, Shim},
};

/// A service and its clocks.
pub struct Clocked {
    /// The service.
    pub service: Service,
    clocks: Clocks,
}

impl Clocked {
    /// Starts one.
    pub async fn start(change: impl FnOnce(&mut Options)) -> Self {
        static SHIM: LazyLock<Shim> = LazyLock::new(|| Shim::compile().unwrap());
        let clocks = Clocks::new(SHIM.clone()).unwrap();
        let service = Service::start_with(|options| {
            options.env.extend(clocks.environment());
            options.lambda_clock = clocks.lambda();
            change(options);
        })
        .await;
        Self { service, clocks }
    }

    /// Lets so many seconds pass.
    pub fn pass(&mut self, seconds: u64) {
        let living = self.service.function_pids();
        self.clocks
            .pass(Duration::from_secs(seconds), &living)
            .unwrap();
    }

    /// Puts the clocks of the living processes so many seconds ahead of Lambda's.
    pub fn skew(&mut self, seconds: i64) {
        for pid in self.service.function_pids() {
            self.clocks.skew(pid, seconds * 1000).unwrap();
        }
    }
}
