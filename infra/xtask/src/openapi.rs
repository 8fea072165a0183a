//! `openapi`: the document that the functions' own code generates.

use std::{fs, process::Stdio};

use anyhow::{Context as _, ensure};

use crate::{build, layout::Layout};

/// Prints the document, or publishes it.
pub(crate) fn run(layout: &Layout, write: bool) -> anyhow::Result<()> {
    let output = build::cargo(layout)
        .args(["run", "--quiet", "--profile", "local", "--package", "openapi"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "the document was not generated");
    let text = String::from_utf8(output.stdout)?;
    if write {
        let file = layout.root().join("shared/web/openapi.json");
        return fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()));
    }
    print!("{text}");
    Ok(())
}
