//! `openapi`: the document that the functions' own code generates.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};

use crate::{build, layout::Layout};

/// Prints the document, or writes it into a file.
pub(crate) fn run(layout: &Layout, write: Option<&Path>) -> anyhow::Result<()> {
    let output = build::cargo(layout)
        .args(["run", "--quiet", "--profile", "local", "--package", "health", "--bin", "openapi"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "the document was not generated");
    let text = String::from_utf8(output.stdout)?;
    if let Some(file) = write {
        return fs::write(file, text).with_context(|| format!("cannot write {}", file.display()));
    }
    print!("{text}");
    Ok(())
}
