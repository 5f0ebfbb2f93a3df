//! What runs in the background of one sandbox, and how all of it is ended.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The background tasks of one sandbox. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    end: CancellationToken,
}

impl Tasks {
    /// Tasks that end with these, and can be ended before them.
    pub(crate) fn nested(&self) -> Self {
        Self {
            tracker: self.tracker.clone(),
            end: self.end.child_token(),
        }
    }

    /// Runs `task` until it is done or these tasks are ended: then it is dropped where it stands.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let end = self.end.clone();
        self.tracker.spawn(async move {
            end.run_until_cancelled_owned(task).await;
        });
    }

    /// Runs `task`, which watches [`Tasks::end_signal`] itself as it has something to put in order
    /// before it ends.
    pub(crate) fn spawn_orderly(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Cancelled when these tasks are to end.
    pub(crate) fn end_signal(&self) -> CancellationToken {
        self.end.clone()
    }

    /// Tells all tasks to end.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    /// Tells all tasks to end, and waits until they have. Not for nested ones, which would wait for
    /// the others, too.
    pub(crate) async fn stop(&self) {
        self.end();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
