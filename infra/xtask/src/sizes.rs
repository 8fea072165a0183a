//! `sizes`: what Lambda has to load of each function, built as it is deployed.

use std::{fs, process::ExitCode};

use anyhow::Context as _;

use crate::{build, layout::Layout, progress::Progress, tools};

/// Functions that a person waits for, with the most bytes that they may have. A cold start reads the zip and maps the binary.
const BOUNDED: [&str; 2] = ["auth", "products"];
/// Of the binary.
const BINARY_LIMIT: u64 = 6 << 20;
/// Of the zip.
const ZIP_LIMIT: u64 = 3 << 20;

/// Builds `functions`, or every one where none is named, for deployment on this machine's architecture, and prints their sizes.
pub(crate) fn run(layout: &Layout, progress: &Progress, functions: &[String]) -> anyhow::Result<ExitCode> {
    let names = if functions.is_empty() { build::functions(layout)? } else { functions.to_vec() };
    progress.say(format!("building {} functions for release", names.len()));
    let mut command = build::cargo(layout);
    command.args(["build", "--quiet", "--release", "--bins"]);
    for name in &names {
        command.args(["--package", name]);
    }
    tools::run(&mut command).context("the build failed")?;
    let mut within = true;
    println!("{:<20} {:>12} {:>12}", "function", "binary", "zip");
    for name in &names {
        let zip = layout.target().join("release").join(format!("{name}.zip"));
        let source = layout.target().join("release").join(name);
        build::write_zip(&source, &zip, build::SMALLEST)?;
        let (binary, zip) = (fs::metadata(&source)?.len(), fs::metadata(&zip)?.len());
        let fits = !BOUNDED.contains(&name.as_str()) || (binary <= BINARY_LIMIT && zip <= ZIP_LIMIT);
        println!(
            "{name:<20} {:>12} {:>12}{}",
            mebibytes(binary),
            mebibytes(zip),
            if fits { "" } else { "  TOO LARGE" }
        );
        within &= fits;
    }
    let [binary, zip] = [BINARY_LIMIT, ZIP_LIMIT].map(mebibytes);
    println!("{} may have {binary} and {zip}", BOUNDED.join(" and "));
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Bytes in MiB with two decimals, rounded up, without floats.
fn mebibytes(bytes: u64) -> String {
    let hundredths = bytes.saturating_mul(100).div_ceil(1 << 20);
    format!("{}.{:02} MiB", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_shown_in_hundredths_and_never_smaller_than_it_is() {
        assert_eq!(mebibytes(6 << 20), "6.00 MiB");
        assert_eq!(mebibytes((6 << 20) + 1), "6.01 MiB");
        assert_eq!(mebibytes(0), "0.00 MiB");
    }
}
