//! Processes of the functions: the local AWS runs each as one of this machine's.

use std::{fs, process::Command};

use crate::Outcome;

/// Kills the processes of `function` that belong to the local AWS at `endpoint`, and no others; gives how many there were.
///
/// # Errors
/// The list of processes cannot be read.
pub fn kill(function: &str, endpoint: &str) -> Outcome<usize> {
    let wanted = [format!("AWS_LAMBDA_FUNCTION_NAME={function}"), format!("AWS_ENDPOINT_URL={endpoint}")];
    let mut killed = 0;
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(id) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.parse::<u32>().is_ok())
        else {
            continue;
        };
        // Processes end while they are looked at.
        let Ok(environment) = fs::read(path.join("environ")) else { continue };
        let variables: Vec<_> = environment.split(|byte| *byte == 0).collect();
        if wanted.iter().all(|variable| variables.contains(&variable.as_bytes())) {
            let status = Command::new("kill").args(["-9", id]).status()?;
            killed += usize::from(status.success());
        }
    }
    Ok(killed)
}
