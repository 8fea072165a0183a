//! A local contracts chain for tests: `infra/chain` started on a free port of this machine, stopped when dropped.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::ChainError;

/// How long a loaded machine may take to start Node and the runtime.
const START: Duration = Duration::from_secs(90);

/// When the chain makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// One for each extrinsic.
    Instant,
    /// One every so many milliseconds.
    Every(u32),
    /// By [`LocalChain::make_block`] only.
    OnDemand,
}

/// A running chain.
#[derive(Debug)]
pub struct LocalChain {
    /// Where it listens.
    pub url: String,
    _process: Child,
}

/// The chain did not start.
#[derive(Debug, thiserror::Error)]
#[error("the local chain did not start: {0}")]
pub struct NotStarted(String);

impl LocalChain {
    /// Starts a fresh chain with funded development accounts.
    ///
    /// # Errors
    /// [`NotStarted`] says what is missing: its parts are installed by `cargo xtask tools`.
    pub async fn start(blocks: Blocks) -> Result<Self, NotStarted> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/chain");
        let installed = env::var_os("DESCROW_CHAIN_NODE_MODULES")
            .map_or_else(|| source.join("../../target/tools/chain"), PathBuf::from);
        let script = installed.join("chain.mjs");
        let current = fs::read(source.join("chain.mjs")).ok();
        if current.is_none() || fs::read(&script).ok() != current || !installed.join("node_modules").is_dir() {
            return Err(NotStarted(format!("{} is not up to date: run `cargo xtask tools`", installed.display())));
        }
        let (mode, interval) = match blocks {
            Blocks::Instant => ("Instant", 0),
            Blocks::Every(milliseconds) => ("Manual", milliseconds),
            Blocks::OnDemand => ("Manual", 0),
        };
        let mut process = Command::new("node")
            .arg(script)
            .arg(source.join("revive-dev.raw.json"))
            .args(["0", mode, &interval.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| NotStarted(format!("node: {error}")))?;
        let output = process.stdout.take().ok_or_else(|| NotStarted("no output".into()))?;
        let mut lines = BufReader::new(output).lines();
        let url = tokio::time::timeout(START, async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((url, _)) = line.strip_prefix("chain ready on ").and_then(|rest| rest.split_once(' ')) {
                    return Some(url.to_owned());
                }
            }
            None
        })
        .await
        .map_err(|_| NotStarted("not ready in time".into()))?
        .ok_or_else(|| NotStarted("it ended".into()))?;
        // What it prints later is dropped, but must be read, or its pipe would fill up.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { url, _process: process })
    }

    /// Makes a block of what waits.
    ///
    /// # Errors
    /// [`ChainError`]
    pub async fn make_block(&self) -> Result<(), ChainError> {
        let rpc = subxt::rpcs::RpcClient::from_url(&self.url).await?;
        let _hash: String = rpc.request("dev_newBlock", subxt::rpcs::rpc_params![]).await?;
        Ok(())
    }
}
