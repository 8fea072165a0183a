//! Prints the OpenAPI document, with `asyncapi` the AsyncAPI document, or with `errors` the table of error codes; `cargo xtask
//! openapi` runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let document = match std::env::args().nth(1).as_deref() {
        Some("errors") => Ok(openapi::errors()),
        Some("asyncapi") => openapi::asyncapi::generate(),
        _ => openapi::generate(),
    };
    match document {
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
