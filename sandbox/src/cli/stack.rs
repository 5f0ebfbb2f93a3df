//! A stack for the length of a command: ended in order whether the command is done, fails, or is
//! told to stop.

use std::io;

use sandbox::{Options, Sandbox};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// How a command ends that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// What it found is good.
    Good,
    /// What it found is bad; it has said what.
    Bad,
    /// It was told to stop, by this signal.
    Told(u8),
}

impl End {
    pub(crate) fn good_if(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

/// Starts a stack, lets `command` have it, and ends it when the command is done or the program is
/// told to stop.
///
/// To drop the stack would end it too, but not wait for it: the function's process could outlive
/// this one.
pub(crate) async fn with_stack<E: From<sandbox::Error> + From<io::Error>>(
    options: Options,
    command: impl AsyncFnOnce(&Sandbox) -> Result<End, E>,
) -> Result<End, E> {
    let mut signals = Signals::listen()?;
    let sandbox = tokio::select! {
        sandbox = Sandbox::start(options) => sandbox?,
        signal = signals.next() => return Ok(End::Told(signal)),
    };
    let end = tokio::select! {
        end = command(&sandbox) => end,
        signal = signals.next() => Ok(End::Told(signal)),
    };
    sandbox.stop().await;
    end
}

/// The signals by which the program is told to stop.
struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(windows)]
    interrupt: CtrlC,
    #[cfg(windows)]
    terminate: CtrlBreak,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(windows)]
            interrupt: ctrl_c()?,
            #[cfg(windows)]
            terminate: ctrl_break()?,
        })
    }

    /// Waits for Ctrl-C or SIGTERM (on Windows Ctrl-Break), and tells its number on Unix.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}
