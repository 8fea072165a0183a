//! `demo STACK_JSON [--json]`: plays one order on a running stack; `cargo xtask demo` runs it.

use std::{path::Path, process::ExitCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let mut files = arguments.iter().filter(|argument| *argument != "--json");
    let (Some(file), None) = (files.next(), files.next()) else {
        eprintln!("usage: demo STACK_JSON [--json]");
        return ExitCode::from(2);
    };
    match stack_client::demo::run(Path::new(file), json).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
