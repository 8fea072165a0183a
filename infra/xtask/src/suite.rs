//! `test`: the whole suite, step by step, each timed.

use std::{
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;

use crate::{
    build, down,
    interrupt::Interrupt,
    layout::Layout,
    openapi,
    progress::{Progress, seconds},
    schemathesis, settings,
    test_binaries::{self, Count, Tests},
    tools, up,
};

/// Packages that may link subxt. Their tests run chains and take longest.
const ON_CHAIN: [&str; 4] = ["chain", "chain-poller", "oracle-submitter", "pay-dot"];

const CLIPPY: [&str; 8] =
    ["clippy", "--quiet", "--profile=local", "--workspace", "--all-targets", "--", "--deny", "warnings"];

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
    // Registries are waited for while the compiler works.
    let installing = || {
        let begun = Instant::now();
        (tools::install_all(layout, progress), begun.elapsed())
    };
    let (installed, took) = thread::scope(|scope| {
        let installing = scope.spawn(installing);
        suite.check("clippy", |s| s.cargo(&CLIPPY));
        installing.join().unwrap_or_else(|_| (Err(anyhow::anyhow!("the installation panicked")), Duration::ZERO))
    });
    suite.done("tools, meanwhile", took, installed.map(|()| Outcome::Passed(1)));
    suite.check("template", Suite::template);
    suite.check("OpenAPI document", |s| openapi::validate(s.layout, s.progress));
    suite.check("AsyncAPI document", |s| openapi::validate_realtime(s.layout, s.progress));
    suite.check("TypeScript client", |s| openapi::typescript(s.layout, s.progress));
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
        // They wait for blocks and schedules most of the time.
        let env = [("DESCROW_STACK", &*stack.to_string_lossy()), ("RUST_TEST_THREADS", "4")];
        suite.tests("end to end", &["--package", "e2e"], &env);
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
        let result = self.interrupt.check().and_then(|()| step(self));
        self.done(name, started.elapsed(), result.map(|()| Outcome::Passed(1)));
    }

    /// A step that had its turn.
    fn done(&mut self, name: &'static str, took: Duration, result: anyhow::Result<Outcome>) {
        let outcome = result.unwrap_or_else(|error| {
            println!("{error:#}");
            Outcome::Failed { passed: 0, failed: 1 }
        });
        self.steps.push(Step { name, took, outcome });
    }

    /// A step of many tests: of the packages that these arguments choose.
    fn tests(&mut self, name: &'static str, args: &[&str], env: &[(&str, &str)]) {
        let started = self.begin(name);
        let result = self.interrupt.check().and_then(|()| self.cargo_test(args, env));
        self.done(name, started.elapsed(), result);
    }

    fn begin(&self, name: &str) -> Instant {
        println!("\n== {name}");
        self.progress.say(name);
        Instant::now()
    }

    fn last_passed(&self) -> bool {
        self.steps.last().is_some_and(|step| matches!(step.outcome, Outcome::Passed(_)))
    }

    fn cargo(&self, args: &[&str]) -> anyhow::Result<()> {
        tools::run(build::cargo(self.layout).args(args))
    }

    fn cargo_test(&self, packages: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Outcome> {
        let tests = Tests { packages, slow: &ON_CHAIN, env };
        let Count { passed, failed } = test_binaries::run(self.layout, &self.interrupt, &tests)?;
        // A run that held no test proves nothing.
        Ok(if failed == 0 && passed > 0 {
            Outcome::Passed(passed)
        } else {
            Outcome::Failed { passed, failed: failed.max(1) }
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
