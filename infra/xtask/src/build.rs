//! The functions, built for this host and zipped as Lambda wants them.

use std::{
    env,
    fs::{self, File},
    io,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, ensure};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{layout::Layout, progress::Progress, tools};

/// Packages the local stack needs besides the functions: the simulated world, what deploys the contract, and the client.
const COMPANIONS: [&str; 3] = ["sandbox", "descrow-chain", "stack-client"];

/// Compression for a local stack, which is deployed more often than it is loaded.
const QUICK: i64 = 1;
/// Compression for what Lambda downloads at each cold start.
pub(crate) const SMALLEST: i64 = 9;

/// Cargo, as the one that runs us.
pub(crate) fn cargo(layout: &Layout) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(layout.root());
    command
}

/// Names of all functions: the folders under `functions/`, sorted.
pub(crate) fn functions(layout: &Layout) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(layout.root().join("functions"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().into_string().ok().context("a function's name is not text")?);
        }
    }
    ensure!(!names.is_empty(), "there are no functions");
    names.sort();
    Ok(names)
}

/// Builds functions and companions in one go, and zips the functions that changed. Gives the functions' names.
pub(crate) fn build(layout: &Layout, progress: &Progress) -> anyhow::Result<Vec<String>> {
    let functions = functions(layout)?;
    progress.say(format!("building {} functions for this host", functions.len()));
    let mut command = cargo(layout);
    command.args(["build", "--profile", "local", "--bins"]);
    for package in functions.iter().map(String::as_str).chain(COMPANIONS) {
        command.args(["--package", package]);
    }
    tools::run(&mut command).context("the build failed")?;
    for function in &functions {
        zip_if_changed(&layout.binary(function), &layout.zip(function))
            .with_context(|| format!("cannot zip {function}"))?;
    }
    Ok(functions)
}

fn zip_if_changed(binary: &Path, zip: &Path) -> anyhow::Result<()> {
    let built = fs::metadata(binary)?.modified()?;
    if fs::metadata(zip).and_then(|zip| zip.modified()).is_ok_and(|zipped| zipped >= built) {
        return Ok(());
    }
    if let Some(folder) = zip.parent() {
        fs::create_dir_all(folder)?;
    }
    // Written aside first: an interrupted zip must not look like a new one.
    let aside = zip.with_extension("new");
    write_zip(binary, &aside, QUICK)?;
    fs::rename(aside, zip)?;
    Ok(())
}

/// The same binary gives the same zip: no date, one order, one mode.
pub(crate) fn write_zip(binary: &Path, zip: &Path, level: i64) -> anyhow::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut writer = ZipWriter::new(File::create(zip)?);
    writer.start_file("bootstrap", options)?;
    io::copy(&mut File::open(binary)?, &mut writer)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_holds_an_executable_bootstrap_and_depends_on_nothing_but_the_binary() {
        let folder = env::temp_dir().join(format!("xtask-zip-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (binary, first, second) = (folder.join("auth"), folder.join("1.zip"), folder.join("2.zip"));
        fs::write(&binary, b"#!/bin/sh\n".repeat(1000)).unwrap();
        write_zip(&binary, &first, QUICK).unwrap();
        write_zip(&binary, &second, QUICK).unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());

        let mut archive = zip::ZipArchive::new(File::open(&first).unwrap()).unwrap();
        let mut file = archive.by_name("bootstrap").unwrap();
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        let mut content = Vec::new();
        io::copy(&mut file, &mut content).unwrap();
        assert_eq!(content, fs::read(&binary).unwrap());
        fs::remove_dir_all(folder).unwrap();
    }
}
