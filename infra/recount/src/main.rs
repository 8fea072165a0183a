//! `recount`: compares a stack's counters with its rows; exit code 1 where they differ.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use descrow_platform::aws;
use recount::{Placed, Recount, repair};

/// Seconds for which counters must stand still before they are repaired.
const STEADY: u64 = 10;

/// Counts every order and entry of a deployed stack anew and compares with its counters. AWS is reached by `AWS_REGION`,
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, and `AWS_ENDPOINT_URL` for a local one
#[derive(Parser)]
struct Arguments {
    /// Name of the CloudFormation stack
    stack: String,
    /// Seconds to wait for counters that do not agree: their streams are some seconds behind
    #[arg(long, default_value_t = 30)]
    wait: u64,
    /// Give rows that a release without an index wrote their place in it, and make counters right that still differ. Only for a stack whose streams are drained: it waits ten seconds at least, and
    /// refuses where a counter moves
    #[arg(long)]
    repair: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let client = aws::dynamodb(&aws::sdk_config());
    if arguments.repair {
        let Placed { orders, notifications } = Placed::all(&client, &arguments.stack).await?;
        println!("{orders} orders and {notifications} notifications got their place in an index\n");
    }
    let patience = if arguments.repair { arguments.wait.max(STEADY) } else { arguments.wait };
    let settled = Recount::settled(&client, &arguments.stack, Duration::from_secs(patience)).await?;
    println!("{}", settled.last);
    if settled.last.difference().is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.repair {
        return Ok(ExitCode::FAILURE);
    }
    repair(&client, &arguments.stack, &settled).await?;
    let repaired = Recount::once(&client, &arguments.stack).await?;
    println!("\nafter the repair\n{repaired}");
    Ok(if repaired.difference().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
