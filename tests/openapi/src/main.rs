//! Prints the OpenAPI document, or with `errors` the table of error codes; `cargo xtask openapi` runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("errors") {
        print!("{}", openapi::errors());
        return ExitCode::SUCCESS;
    }
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
