//! The template into the local AWS, and the functions' logs out of it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

use crate::{
    layout::Layout,
    local_aws::{LocalAws, REGION},
    part::Parts,
    settings::{self, Order, World},
};

/// Name of the stack: the prefix of all names in it.
pub(crate) const STACK: &str = "descrow";
/// What runs by schedule: run once at the start, so that nobody waits for the first minute to pass.
const SCHEDULED: [&str; 2] = ["chain-poller", "reconciler"];
/// What runs by schedule, and first of all: without rates nothing can be ordered.
const FIRST: [&str; 1] = ["rates-fetcher"];

/// Physical name of a function.
pub(crate) fn function_name(function: &str) -> String {
    format!("{STACK}-{function}")
}

/// Deploys the template with these functions; gives the stack's outputs.
pub(crate) fn deploy(
    layout: &Layout,
    programs: &Path,
    aws: &LocalAws,
    world: &World,
    functions: &[String],
) -> anyhow::Result<BTreeMap<String, String>> {
    let order = Order {
        endpoint: aws.endpoint(),
        region: REGION,
        credentials: &aws.credentials,
        stack_name: STACK,
        template: settings::template(layout).to_string_lossy().into_owned(),
        zips: functions
            .iter()
            .map(|function| (function.clone(), layout.zip(function).to_string_lossy().into_owned()))
            .collect(),
        secrets: settings::secrets(world)?,
        parameters: settings::parameters(world, &aws.authority),
        invoke: SCHEDULED.map(function_name).to_vec(),
        prepare: FIRST.map(function_name).to_vec(),
    };
    let mut child = Command::new(programs.join("python"))
        .arg(layout.own("stack/deploy.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run stack/deploy.py")?;
    child.stdin.take().context("no input")?.write_all(&serde_json::to_vec(&order)?)?;
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "the template was not deployed; the local AWS says why in {}",
        layout.log("ministack").display()
    );
    serde_json::from_slice(&output.stdout).context("stack/deploy.py said something unexpected")
}

/// Starts to follow the functions' logs into the stack's folder.
pub(crate) fn follow_logs(
    layout: &Layout,
    parts: &mut Parts,
    programs: &Path,
    aws: &LocalAws,
    functions: &[String],
) -> anyhow::Result<()> {
    let groups: BTreeMap<&String, String> =
        functions.iter().map(|function| (function, format!("/aws/lambda/{}", function_name(function)))).collect();
    let order = serde_json::json!({
        "endpoint": aws.endpoint(),
        "region": REGION,
        "credentials": aws.credentials,
        "folder": layout.logs(),
        "groups": groups,
    });
    let file = layout.dir().join("follow.json");
    fs::write(&file, serde_json::to_vec(&order)?)?;
    let mut command = Command::new(programs.join("python"));
    command.arg(layout.own("stack/follow.py")).arg(file);
    parts.start(layout, "log-follower", &mut command)?;
    Ok(())
}
