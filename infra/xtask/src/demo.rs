//! `demo`: the M-Pesa order, played by an outside client.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::{interrupt::Interrupt, layout::Layout, progress::Progress, up};

/// Brings the stack up if it is not, then plays the order on it. The stack stays up.
pub(crate) fn run(layout: &Layout, progress: &Progress, json: bool) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let (stack, _) = up::ensure(layout, progress, &interrupt, None)?;
    progress.say(format!("playing one order on {}", stack.api_url));
    let mut command = Command::new(layout.binary("demo"));
    command.arg(layout.stack_file());
    if json {
        command.arg("--json");
    }
    let status = command.status().context("cannot run the demo's client")?;
    progress.say("the stack is still up; `cargo xtask down` stops it");
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
