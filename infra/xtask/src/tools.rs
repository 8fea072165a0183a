//! The pinned tools that are not Rust: installed once under `target/tools`, again when what pins them changes.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::{layout::Layout, progress::Progress};

/// Installs all of them.
pub(crate) fn install_all(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    local_aws(layout, progress)?;
    sam(layout, progress)?;
    openapi(layout, progress)?;
    chain(layout, progress)?;
    contract(layout, progress)?;
    wallet(layout, progress)?;
    asyncapi(layout, progress)?;
    typescript(layout, progress).map(|_| ())
}

/// The local AWS with boto3; gives the folder of its programs.
pub(crate) fn local_aws(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    venv(layout, progress, "aws", "local AWS")
}

/// aws-sam-cli; gives the folder of its programs.
pub(crate) fn sam(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    venv(layout, progress, "sam", "SAM CLI")
}

/// The OpenAPI validator and schemathesis; gives the folder of their programs.
pub(crate) fn openapi(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    venv(layout, progress, "openapi", "OpenAPI tools")
}

/// The contracts chain; gives the folder with its launcher.
pub(crate) fn chain(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    node_modules(layout, progress, "infra/chain", "contracts chain", &["chain.mjs"])
}

/// The Solidity compiler and the contract's libraries.
pub(crate) fn contract(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    node_modules(layout, progress, "infra/contract", "Solidity compiler", &["build.mjs"]).map(|_| ())
}

/// The AsyncAPI parser; gives the folder with the script that runs it.
pub(crate) fn asyncapi(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    node_modules(layout, progress, "tests/openapi/asyncapi", "AsyncAPI parser", &["check.mjs"])
}

/// What generates and compiles a TypeScript client; gives the folder with the script that does it.
pub(crate) fn typescript(layout: &Layout, progress: &Progress) -> anyhow::Result<PathBuf> {
    node_modules(layout, progress, "tests/openapi/typescript", "TypeScript", &["check.mjs", "shop.ts"])
}

/// The wallet with which tests sign what `pay/dot` answers.
pub(crate) fn wallet(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    node_modules(layout, progress, "tests/wallet", "wallet for tests", &["wallet.mjs"]).map(|_| ())
}

fn venv(layout: &Layout, progress: &Progress, name: &str, title: &str) -> anyhow::Result<PathBuf> {
    let python = python()?;
    let requirements = layout.own(&format!("requirements-{name}.txt"));
    let pins = fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = layout.tools().join(name);
    let bin = folder.join("bin");
    installed(&folder, &format!("{}\n{pins}", python.version), || {
        progress.say(format!("installing {title} (pip)"));
        run(Command::new(&python.program).args(["-m", "venv"]).arg(&folder))
            .context("cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv")?;
        run(Command::new(bin.join("python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements))
    })?;
    Ok(bin)
}

/// Installs what `source` pins, in a folder of its last name.
fn node_modules(
    layout: &Layout,
    progress: &Progress,
    source: &str,
    title: &str,
    scripts: &[&str],
) -> anyhow::Result<PathBuf> {
    let source = layout.root().join(source);
    let folder = layout.tools().join(source.file_name().context("a tool needs a name")?);
    let lock = fs::read_to_string(source.join("package-lock.json"))?;
    let version = node()?;
    installed(&folder, &format!("{version}\n{lock}"), || {
        progress.say(format!("installing {title} (npm)"));
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source.join(file), folder.join(file))?;
        }
        run(Command::new("npm")
            .args(["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder))
    })?;
    // Node finds modules beside a script, so the scripts live beside them.
    for script in scripts {
        let current = fs::read(source.join(script))?;
        if fs::read(folder.join(script)).ok().as_ref() != Some(&current) {
            fs::write(folder.join(script), current)?;
        }
    }
    Ok(folder)
}

/// Runs `install` on an empty folder unless it was last done with the same `inputs`. Two at a time wait for each other.
fn installed(folder: &Path, inputs: &str, install: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let parent = folder.parent().context("a tool needs a folder")?;
    fs::create_dir_all(parent)?;
    let lock = fs::File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    let stamp = folder.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == inputs) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    install()?;
    fs::write(stamp, inputs)?;
    Ok(())
}

struct Python {
    program: String,
    version: String,
}

fn python() -> anyhow::Result<Python> {
    const OLDEST: (u32, u32) = (3, 10);
    let mut seen = None;
    for program in ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python"] {
        let Some(version) = output(program, ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]) else {
            continue;
        };
        if parse(&version).is_some_and(|version| version >= OLDEST) {
            return Ok(Python { program: program.to_owned(), version });
        }
        seen.get_or_insert(version);
    }
    match seen {
        Some(version) => bail!("Python {}.{} or newer is needed, and only {version} is here", OLDEST.0, OLDEST.1),
        None => bail!("Python {}.{} or newer is needed, and there is no python3", OLDEST.0, OLDEST.1),
    }
}

fn node() -> anyhow::Result<String> {
    const OLDEST: u32 = 20;
    let version = output("node", ["--version"])
        .with_context(|| format!("Node.js {OLDEST} or newer is needed, and there is no node"))?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u32>().ok());
    ensure!(major.is_some_and(|major| major >= OLDEST), "Node.js {OLDEST} or newer is needed, and {version} is here");
    ensure!(output("npm", ["--version"]).is_some(), "npm is needed, and is not here (it comes with Node.js)");
    Ok(version)
}

fn parse(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn output<const N: usize>(program: &str, args: [&str; N]) -> Option<String> {
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command to its end; its output goes to standard error, so that ours stays for results.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = || {
        let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let args = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
        format!("{program} {args}")
    };
    let name = shown();
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_installed_again_only_when_its_inputs_change() {
        let folder = std::env::temp_dir().join(format!("xtask-tools-{}", std::process::id())).join("tool");
        let mut times = 0;
        let mut install = |inputs: &str, ok: bool| {
            let result = installed(&folder, inputs, || {
                times += 1;
                ensure!(ok, "no network");
                Ok(())
            });
            (result.is_ok(), times)
        };
        assert_eq!(install("1", false), (false, 1), "a failure is not remembered as done");
        assert_eq!(install("1", true), (true, 2));
        assert_eq!(install("1", true), (true, 2));
        assert_eq!(install("2", true), (true, 3));
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(parse("3.9") < parse("3.10"));
        assert_eq!(parse("three"), None);
    }
}
