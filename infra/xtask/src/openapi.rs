//! `openapi`: the document that the functions' own code generates, and the page of its errors.

use std::{
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

use crate::{build, layout::Layout, progress::Progress, tools};

/// What is published, and where: by the argument that the generator takes for it.
const PUBLISHED: [(&[&str], &str); 3] = [
    (&[], "shared/web/openapi.json"),
    (&["asyncapi"], "shared/web/asyncapi.json"),
    (&["errors"], "shared/web/ERRORS.md"),
];

/// Prints the document, or publishes it with the page of its errors.
pub(crate) fn run(layout: &Layout, write: bool) -> anyhow::Result<()> {
    if !write {
        print!("{}", generate(layout, &[])?);
        return Ok(());
    }
    for (args, file) in PUBLISHED {
        let file = layout.root().join(file);
        fs::write(&file, generate(layout, args)?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Holds the published document to the OpenAPI specification, by a validator that is not ours.
pub(crate) fn validate(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let programs = tools::openapi(layout, progress)?;
    let document = layout.root().join("shared/web/openapi.json");
    tools::run(Command::new(programs.join("openapi-spec-validator")).args(["--schema", "3.1"]).arg(document))
}

/// Holds the published document of the WebSocket to the AsyncAPI specification, by the parser of those who wrote it.
pub(crate) fn validate_realtime(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let folder = tools::asyncapi(layout, progress)?;
    let document = layout.root().join("shared/web/asyncapi.json");
    tools::run(Command::new("node").arg(folder.join("check.mjs")).arg(document))
}

/// Generates the types of a TypeScript client from the published document, and compiles a frontend's code with them.
pub(crate) fn typescript(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    let folder = tools::typescript(layout, progress)?;
    let document = layout.root().join("shared/web/openapi.json");
    tools::run(Command::new("node").arg(folder.join("check.mjs")).arg(document))
}

fn generate(layout: &Layout, args: &[&str]) -> anyhow::Result<String> {
    let output = build::cargo(layout)
        .args(["run", "--quiet", "--profile", "local", "--package", "openapi", "--"])
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "the document was not generated");
    Ok(String::from_utf8(output.stdout)?)
}
