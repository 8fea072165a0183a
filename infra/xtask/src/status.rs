//! `status`: which parts run, and where the stack is.

use std::process::ExitCode;

use crate::{layout::Layout, part::Parts, stack::Stack};

/// Fails (as an exit code) unless the whole stack runs.
pub(crate) fn run(layout: &Layout) -> anyhow::Result<ExitCode> {
    let parts = Parts::open(layout)?;
    for part in parts.list() {
        println!("{:<12} pid {:<8} {}", part.name, part.pid, if part.alive() { "runs" } else { "ENDED" });
    }
    match Stack::read(layout)? {
        Some(stack) if parts.all_alive() => {
            println!("\n{}", summary(&stack));
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            println!("The stack is not up.");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Every URL of the stack, one a line.
pub(crate) fn summary(stack: &Stack) -> String {
    let mut lines = vec![
        format!("REST API    {}", stack.api_url),
        format!("WebSocket   {}", stack.ws_url),
        format!("local AWS   {} ({})", stack.aws_endpoint, stack.region),
        format!("chain       {}", stack.chain_url),
        format!("contract    {}", stack.contract_address),
        format!("Daraja      {}", stack.daraja_url),
    ];
    lines.extend(stack.daraja_control_url.iter().map(|url| format!("phone       {url}")));
    lines.push(format!("IPFS        {}", stack.ipfs_url));
    lines.push(format!("logs        {}", stack.logs));
    lines.join("\n")
}
