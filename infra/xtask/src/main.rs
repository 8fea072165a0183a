//! The developer's command line: `cargo xtask --help`.

mod build;
mod cli;
mod demo;
mod deploy;
mod down;
mod interrupt;
mod layout;
mod local_aws;
mod logs;
mod openapi;
mod outside;
mod part;
mod phone;
mod progress;
mod real;
mod recount;
mod schemathesis;
mod settings;
mod sizes;
mod stack;
mod status;
mod suite;
mod test_binaries;
mod tools;
mod up;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
