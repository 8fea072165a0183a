//! `test`: the whole suite, step by step, each timed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use crate::{
    build, down,
    interrupt::Interrupt,
    layout::Layout,
    openapi,
    progress::{Progress, seconds},
    schemathesis, settings, tools, up,
};

/// Functions that may link subxt.
const ON_CHAIN: [&str; 3] = ["chain-poller", "oracle-submitter", "pay-dot"];

/// What a step gave: how many tests it held, if it holds tests at all.
enum Outcome {
    Passed(u32),
    Failed { passed: u32, failed: u32 },
}

struct Step {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

/// Runs every step, also after one failed, so that one run tells all that is wrong.
pub(crate) fn run(layout: &Layout, progress: &Progress) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let mut suite = Suite { layout, progress, interrupt, steps: Vec::new() };
    suite.check("format", |s| s.cargo(&["fmt", "--all", "--check"]));
    suite.check("tools", |s| tools::install_all(s.layout, s.progress));
    suite.check("template", Suite::template);
    suite.check("OpenAPI document", |s| openapi::validate(s.layout, s.progress));
    suite.check("AsyncAPI document", |s| openapi::validate_realtime(s.layout, s.progress));
    suite.check("TypeScript client", |s| openapi::typescript(s.layout, s.progress));
    suite.check("clippy", |s| {
        s.cargo(&[
            "clippy",
            "--quiet",
            "--profile",
            "local",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ])
    });
    suite.check("dependency rules", Suite::dependencies);
    suite.tests("unit, property, store, HTTP, contract", &["--workspace", "--exclude", "e2e"], &[]);

    let fresh = layout.with_dir(layout.target().join("suite"));
    suite.check("stack", |s| {
        down::run(&fresh, s.progress)?;
        if fresh.dir().exists() {
            std::fs::remove_dir_all(fresh.dir())?;
        }
        up::ensure(&fresh, s.progress, &s.interrupt, None).map(|_| ())
    });
    if suite.last_passed() {
        let stack = fresh.stack_file();
        suite.tests("end to end", &["--package", "e2e"], &[("DESCROW_STACK", &stack.to_string_lossy())]);
        suite.check("schemathesis", |s| schemathesis::play(&fresh, s.progress, &[]));
    }
    suite.check("stack stops", |s| down::run(&fresh, s.progress));
    Ok(suite.finish())
}

struct Suite<'a> {
    layout: &'a Layout,
    progress: &'a Progress,
    interrupt: Interrupt,
    steps: Vec<Step>,
}

impl Suite<'_> {
    /// A step that is one test by itself.
    fn check(&mut self, name: &'static str, step: impl FnOnce(&Self) -> anyhow::Result<()>) {
        let started = self.begin(name);
        let outcome = match self.interrupt.check().and_then(|()| step(self)) {
            Ok(()) => Outcome::Passed(1),
            Err(error) => {
                println!("{error:#}");
                Outcome::Failed { passed: 0, failed: 1 }
            }
        };
        self.end(name, started, outcome);
    }

    /// A step of many tests: `cargo test` with these arguments.
    fn tests(&mut self, name: &'static str, args: &[&str], env: &[(&str, &str)]) {
        let started = self.begin(name);
        let outcome = match self.interrupt.check().and_then(|()| self.cargo_test(args, env)) {
            Ok(outcome) => outcome,
            Err(error) => {
                println!("{error:#}");
                Outcome::Failed { passed: 0, failed: 1 }
            }
        };
        self.end(name, started, outcome);
    }

    fn begin(&self, name: &str) -> Instant {
        println!("\n== {name}");
        self.progress.say(name);
        Instant::now()
    }

    fn end(&mut self, name: &'static str, started: Instant, outcome: Outcome) {
        self.steps.push(Step { name, took: started.elapsed(), outcome });
    }

    fn last_passed(&self) -> bool {
        self.steps.last().is_some_and(|step| matches!(step.outcome, Outcome::Passed(_)))
    }

    fn cargo(&self, args: &[&str]) -> anyhow::Result<()> {
        tools::run(build::cargo(self.layout).args(args))
    }

    fn cargo_test(&self, args: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Outcome> {
        let mut child = build::cargo(self.layout)
            .args(["test", "--quiet", "--profile", "local", "--no-fail-fast"])
            .args(args)
            // Where they were installed: cargo's output may be outside of the checkout.
            .env("DESCROW_CHAIN_NODE_MODULES", self.layout.tools().join("chain"))
            .env("DESCROW_CONTRACT_NODE_MODULES", self.layout.tools().join("contract"))
            .env("DESCROW_WALLET_NODE_MODULES", self.layout.tools().join("wallet"))
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run cargo")?;
        let (mut passed, mut failed) = (0, 0);
        for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
            let line = line?;
            println!("{line}");
            if let Some((good, bad)) = counts(&line) {
                passed += good;
                failed += bad;
            }
        }
        // A crate that does not compile fails without a count, and so does a run that held no test.
        Ok(match (child.wait()?.success(), failed) {
            (true, 0) if passed > 0 => Outcome::Passed(passed),
            (_, failed) => Outcome::Failed { passed, failed: failed.max(1) },
        })
    }

    fn template(&self) -> anyhow::Result<()> {
        let programs = tools::sam(self.layout, self.progress)?;
        tools::run(
            Command::new(programs.join("sam"))
                .args(["validate", "--lint", "--region", "eu-west-1", "--template"])
                .arg(settings::template(self.layout))
                .env("SAM_CLI_TELEMETRY", "0"),
        )
    }

    /// TLS is `ring` everywhere, and only what talks to the chain carries subxt.
    fn dependencies(&self) -> anyhow::Result<()> {
        let all = self.tree(&["--workspace"])?;
        for forbidden in ["aws-lc-sys", "openssl-sys"] {
            ensure!(!all.iter().any(|name| name == forbidden), "{forbidden} is in the dependency tree");
        }
        for function in build::functions(self.layout)? {
            let has = self.tree(&["--package", &function])?.iter().any(|name| name == "subxt");
            let may = ON_CHAIN.contains(&function.as_str());
            ensure!(has == may, "{function} {} subxt", if has { "must not link" } else { "was to link" });
        }
        Ok(())
    }

    /// Names of all packages that the given ones are built from.
    fn tree(&self, of: &[&str]) -> anyhow::Result<Vec<String>> {
        let output = build::cargo(self.layout)
            .args(["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
            .args(of)
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "cargo tree failed");
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(ToOwned::to_owned).collect())
    }

    fn finish(self) -> ExitCode {
        println!("\n{:-<60}", "");
        let (mut passed, mut failed) = (0, 0);
        for step in &self.steps {
            let (verdict, good, bad) = match step.outcome {
                Outcome::Passed(count) => ("ok", count, 0),
                Outcome::Failed { passed, failed } => ("FAILED", passed, failed),
            };
            println!("{:<42} {:<7} {} {good:>5} passed {bad:>3} failed", step.name, verdict, seconds(step.took));
            passed += good;
            failed += bad;
        }
        println!("took {}", seconds(self.progress.elapsed()).trim());
        println!("{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Passed and failed of a line that ends a test binary's output.
fn counts(line: &str) -> Option<(u32, u32)> {
    let (_, rest) = line.split_once("test result: ")?;
    let count =
        |word: &str| rest.split_once(word)?.0.rsplit([' ', ';', '.']).find(|text| !text.is_empty())?.parse().ok();
    Some((count(" passed")?, count(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_a_binary_are_counted_from_its_last_line() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test result: ok. 7 passed; 0 failed; 0 ignored"), Some((7, 0)));
        assert_eq!(counts("running 7 tests"), None);
    }
}
