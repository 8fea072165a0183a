//! `schemathesis`: what the document allows and forbids, played against the deployed stack.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::{interrupt::Interrupt, layout::Layout, progress::Progress, tools, up};

/// Brings the stack up if it is not, then plays against it. The stack stays up.
pub(crate) fn run(layout: &Layout, progress: &Progress, args: &[String]) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    up::ensure(layout, progress, &interrupt, None)?;
    play(layout, progress, args)
}

/// Plays against the stack that runs. The published document is the oracle; who asks is in the environment of the child only.
pub(crate) fn play(layout: &Layout, progress: &Progress, args: &[String]) -> anyhow::Result<()> {
    let programs = tools::openapi(layout, progress)?;
    let stack = crate::stack::Stack::read(layout)?.context("no stack is running")?;
    let folder = layout.own("schemathesis");
    let report = layout.dir().join("schemathesis");
    tools::run(
        Command::new(programs.join("schemathesis"))
            .arg("--config-file")
            .arg(folder.join("schemathesis.toml"))
            .arg("run")
            .arg(layout.root().join("shared/web/openapi.json"))
            .arg("--url")
            .arg(&stack.api_url)
            .arg("--report-dir")
            .arg(report)
            .args(args)
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("PYTHONPATH", &folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("DESCROW_TOKENS", tokens(layout)?)
            .current_dir(layout.dir()),
    )
}

/// Access tokens of one new user of each role, as JSON.
fn tokens(layout: &Layout) -> anyhow::Result<String> {
    let output = Command::new(layout.binary("tokens"))
        .arg(layout.stack_file())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the client")?;
    ensure!(output.status.success(), "the client could not sign in");
    Ok(String::from_utf8(output.stdout)?)
}
