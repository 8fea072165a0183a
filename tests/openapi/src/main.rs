//! Prints the OpenAPI document; `cargo xtask openapi` runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    match openapi::generate() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
