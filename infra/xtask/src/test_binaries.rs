//! Test binaries: built by cargo in one go, and run as many at a time as there are processors.
//!
//! `cargo test` runs one binary after the other. Those that talk to a chain wait for its blocks most of the time, so that half
//! of two processors would idle for minutes.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::{build, interrupt::Interrupt, layout::Layout, progress::seconds};

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Count {
    fn and(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

/// What to test, and how.
pub(crate) struct Tests<'a> {
    /// Arguments that choose packages, as `cargo test` takes them.
    pub(crate) packages: &'a [&'a str],
    /// Packages whose tests take longest, and so begin first.
    pub(crate) slow: &'a [&'a str],
    /// Added to the environment.
    pub(crate) env: &'a [(&'a str, &'a str)],
}

/// One binary of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Binary {
    package: String,
    target: String,
    executable: PathBuf,
    folder: PathBuf,
}

/// The line of cargo's messages about a thing it built.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds and runs them all, also after one failed.
pub(crate) fn run(layout: &Layout, interrupt: &Interrupt, tests: &Tests<'_>) -> anyhow::Result<Count> {
    let mut binaries = build(layout, tests)?;
    binaries.sort_by_key(|binary| !tests.slow.contains(&binary.package.as_str()));
    let queue = Mutex::new(VecDeque::from(binaries));
    let total = Mutex::new(Count::default());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(binary) = next(&queue, interrupt) {
                    let count = play(layout, &binary, tests);
                    let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    *total = total.and(count);
                }
            });
        }
    });
    interrupt.check()?;
    let of_binaries = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(of_binaries.and(documentation(layout, tests)?))
}

fn next(queue: &Mutex<VecDeque<Binary>>, interrupt: &Interrupt) -> Option<Binary> {
    interrupt.check().ok()?;
    queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front()
}

fn build(layout: &Layout, tests: &Tests<'_>) -> anyhow::Result<Vec<Binary>> {
    let mut cargo = build::cargo(layout)
        .args(["test", "--quiet", "--profile", "local", "--no-run", "--message-format", "json-render-diagnostics"])
        .args(tests.packages)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let mut binaries = Vec::new();
    for line in BufReader::new(cargo.stdout.take().context("no output")?).lines() {
        binaries.extend(binary(&line?));
    }
    ensure!(cargo.wait()?.success(), "the tests do not compile");
    Ok(binaries)
}

/// The binary of tests that a line of cargo's messages tells of.
fn binary(line: &str) -> Option<Binary> {
    let artifact: Artifact = serde_json::from_str(line).ok()?;
    let folder = artifact.manifest_path.parent()?;
    artifact.profile.test.then_some(())?;
    Some(Binary {
        package: folder.file_name()?.to_string_lossy().into_owned(),
        target: artifact.target.name,
        executable: artifact.executable?,
        folder: folder.to_owned(),
    })
}

/// Runs one binary as cargo would. What it printed is shown where a test failed.
fn play(layout: &Layout, binary: &Binary, tests: &Tests<'_>) -> Count {
    let started = Instant::now();
    let mut command = Command::new(&binary.executable);
    command.arg("--quiet").current_dir(&binary.folder).env("CARGO_MANIFEST_DIR", &binary.folder);
    let (count, printed) = match with_environment(layout, &mut command, tests).stdin(Stdio::null()).output() {
        Ok(output) => {
            let printed =
                [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
            (counted(&printed, output.status.success()), printed)
        }
        Err(error) => (Count { passed: 0, failed: 1 }, error.to_string()),
    };
    report(binary, count, started.elapsed(), &printed);
    count
}

fn report(binary: &Binary, count: Count, took: Duration, printed: &str) {
    let Count { passed, failed } = count;
    if failed > 0 {
        println!("{printed}");
    }
    if passed + failed > 0 {
        let verdict = if failed == 0 { "ok    " } else { "FAILED" };
        println!(
            "{verdict} {} {passed:>4} passed {failed:>3} failed  {}::{}",
            seconds(took),
            binary.package,
            binary.target
        );
    }
}

/// Examples in documentation comments, which cargo compiles and runs itself.
fn documentation(layout: &Layout, tests: &Tests<'_>) -> anyhow::Result<Count> {
    let mut cargo = build::cargo(layout);
    cargo.args(["test", "--quiet", "--profile", "local", "--doc", "--no-fail-fast"]).args(tests.packages);
    let output = with_environment(layout, &mut cargo, tests).stderr(Stdio::inherit()).output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let count = counted(&printed, output.status.success());
    if count.failed > 0 {
        println!("{printed}");
    }
    Ok(count)
}

fn with_environment<'c>(layout: &Layout, command: &'c mut Command, tests: &Tests<'_>) -> &'c mut Command {
    // Where they were installed: cargo's output may be outside of the checkout.
    let modules = |name: &str| -> PathBuf { Path::new(&layout.tools()).join(name) };
    command
        .env("DESCROW_CHAIN_NODE_MODULES", modules("chain"))
        .env("DESCROW_CONTRACT_NODE_MODULES", modules("contract"))
        .env("DESCROW_WALLET_NODE_MODULES", modules("wallet"))
        .envs(tests.env.iter().copied())
}

/// What a run counted. One that ended badly failed, also where it did not come to count.
fn counted(printed: &str, success: bool) -> Count {
    let mut count = printed.lines().filter_map(summary).fold(Count::default(), Count::and);
    if !success {
        count.failed = count.failed.max(1);
    }
    count
}

/// Passed and failed of a line that ends a test binary's output.
fn summary(line: &str) -> Option<Count> {
    let (_, rest) = line.split_once("test result: ")?;
    let count =
        |word: &str| rest.split_once(word)?.0.rsplit([' ', ';', '.']).find(|text| !text.is_empty())?.parse().ok();
    Some(Count { passed: count(" passed")?, failed: count(" failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_a_binary_are_counted_from_its_last_line() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s";
        assert_eq!(summary(line), Some(Count { passed: 12, failed: 3 }));
        assert_eq!(summary("test result: ok. 7 passed; 0 failed; 0 ignored"), Some(Count { passed: 7, failed: 0 }));
        assert_eq!(summary("running 7 tests"), None);
    }

    #[test]
    fn a_binary_that_dies_before_it_counts_has_failed() {
        assert_eq!(counted("running 7 tests\n..", false), Count { passed: 0, failed: 1 });
        assert_eq!(counted("test result: ok. 7 passed; 0 failed; 0 ignored", true), Count { passed: 7, failed: 0 });
    }

    #[test]
    fn only_tests_are_taken_from_what_cargo_built() {
        let line = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"x","manifest_path":"/w/functions/orders/Cargo.toml",
                "target":{{"name":"paying","kind":["test"]}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let found = Binary {
            package: "orders".into(),
            target: "paying".into(),
            executable: "/w/target/paying".into(),
            folder: "/w/functions/orders".into(),
        };
        assert_eq!(binary(&line(true, r#""/w/target/paying""#)), Some(found));
        assert_eq!(binary(&line(false, r#""/w/target/orders""#)), None);
        assert_eq!(binary(&line(true, "null")), None);
        assert_eq!(binary(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
