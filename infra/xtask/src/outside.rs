//! The world outside AWS: the contracts chain with the contract on it, and the sandbox. Each can be a real endpoint instead.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::{
    interrupt::Interrupt,
    layout::Layout,
    part::{Part, Parts},
    settings::DarajaAccount,
};

/// A loaded machine takes its time to start Node and the runtime.
const START: Duration = Duration::from_secs(90);
/// The chain's development account that deploys the contract and is its oracle.
pub(crate) const LOCAL_ORACLE: &str = "//Alice";

/// A local chain that was started. Blocks come shortly after transactions, and every five seconds without any: time and
/// mortality go on, and the two cores are left to the functions (an empty block costs a third of a second).
pub(crate) struct Chain(Part);

impl Chain {
    pub(crate) fn start(layout: &Layout, parts: &mut Parts, tool: &Path) -> anyhow::Result<Self> {
        let spec = layout.root().join("infra/chain/revive-dev.raw.json");
        let mut command = Command::new("node");
        command.arg(tool.join("chain.mjs")).arg(spec).args(["0", "Batch", "5000"]);
        Ok(Self(parts.start(layout, "chain", &mut command)?))
    }

    /// Its URL, once it answers.
    pub(crate) fn wait(&self, layout: &Layout, interrupt: &Interrupt) -> anyhow::Result<String> {
        Parts::wait(layout, interrupt, &self.0, START, || {
            let log = fs::read_to_string(layout.log(&self.0.name)).ok()?;
            let rest = log.lines().find_map(|line| line.strip_prefix("chain ready on "))?;
            rest.split_whitespace().next().map(ToOwned::to_owned)
        })
    }
}

/// The contract on a chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contract {
    pub(crate) address: String,
    /// A block before its first event, where known.
    pub(crate) from_block: Option<u64>,
}

/// Deploys the reference contract.
pub(crate) fn deploy_contract(layout: &Layout, chain_url: &str) -> anyhow::Result<Contract> {
    let output = Command::new(layout.binary("deploy-contract"))
        .arg(chain_url)
        .env("ORACLE_SEED", LOCAL_ORACLE)
        .output()
        .context("cannot run deploy-contract")?;
    ensure!(
        output.status.success(),
        "the contract was not deployed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).context("deploy-contract said something unexpected")
}

/// A sandbox that was started.
pub(crate) struct Sandbox(Part);

/// What the sandbox says of itself in the first line of its output.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SandboxUrls {
    #[serde(rename = "darajaUrl")]
    pub(crate) daraja: String,
    #[serde(rename = "darajaControlUrl")]
    pub(crate) control: String,
    #[serde(rename = "ipfsUrl")]
    pub(crate) ipfs: String,
    #[serde(rename = "ratesUrl")]
    pub(crate) rates: String,
}

/// A running sandbox: where it is, and whom it knows.
pub(crate) struct Simulated {
    pub(crate) urls: SandboxUrls,
    pub(crate) credentials: SandboxCredentials,
}

/// What the sandbox's Daraja and Pinata accept.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SandboxCredentials {
    #[serde(flatten)]
    pub(crate) daraja: DarajaAccount,
    pub(crate) ipfs_jwt: String,
}

impl Sandbox {
    pub(crate) fn start(layout: &Layout, parts: &mut Parts) -> anyhow::Result<Self> {
        let mut command = Command::new(layout.binary("sandbox"));
        // The local API is http on loopback, and its path holds `execute-api`: nothing that Safaricom would call.
        command.arg("--allow-unsafe-urls");
        Ok(Self(parts.start(layout, "sandbox", &mut command)?))
    }

    /// Where it is, once it answers.
    pub(crate) fn wait(&self, layout: &Layout, interrupt: &Interrupt) -> anyhow::Result<Simulated> {
        let urls: SandboxUrls = Parts::wait(layout, interrupt, &self.0, START, || {
            let log = fs::read_to_string(layout.log(&self.0.name)).ok()?;
            log.lines().find_map(|line| serde_json::from_str(line).ok())
        })?;
        let credentials = ureq::get(format!("{}/credentials", urls.control)).call()?.into_body().read_json()?;
        Ok(Simulated { urls, credentials })
    }
}
