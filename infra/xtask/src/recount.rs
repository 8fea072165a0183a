//! `recount`: the counters against a count of every row.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::{build, cli, layout::Layout, stack::Stack};

/// Runs the recount on the local stack, or on the named one as the environment reaches it.
pub(crate) fn run(layout: &Layout, options: &cli::Recount) -> anyhow::Result<ExitCode> {
    let mut command = build::cargo(layout);
    command.args(["run", "--quiet", "--profile", "local", "--package", "recount", "--"]);
    if let Some(name) = &options.stack {
        command.arg(name);
    } else {
        let stack =
            Stack::read(layout)?.context("no stack is up; `cargo xtask up` starts one, --stack names one on AWS")?;
        command
            .arg(&stack.name)
            .env("AWS_ENDPOINT_URL", &stack.aws_endpoint)
            .env("AWS_REGION", &stack.region)
            .env("AWS_ACCESS_KEY_ID", &stack.aws_credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &stack.aws_credentials.secret_access_key)
            .env_remove("AWS_SESSION_TOKEN");
    }
    if let Some(seconds) = options.wait {
        command.args(["--wait", &seconds.to_string()]);
    }
    if options.repair {
        command.arg("--repair");
    }
    let status = command.status().context("cannot run cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
