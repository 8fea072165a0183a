//! A wallet of the Polkadot world for tests: `tests/wallet` in Node.js, with `@polkadot/api` from npm.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use descrow_domain::Planck;
use serde::Deserialize;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// How long a loaded machine may take to start Node and to see a block become final.
const PATIENCE: Duration = Duration::from_secs(120);

/// A development account in a wallet of its own.
#[derive(Clone, Debug)]
pub struct PolkadotJs {
    script: PathBuf,
    url: String,
    secret: String,
}

/// An extrinsic that is in a finalised block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// 0x-hex.
    pub extrinsic_hash: String,
    /// 0x-hex.
    pub block_hash: String,
    /// The runtime's error where it failed, such as `revive.ContractReverted`.
    pub error: Option<String>,
}

/// What a careless buyer changes before signing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Another value.
    pub value: Option<Planck>,
    /// Another limit of execution time, in picoseconds.
    pub weight: Option<u64>,
}

/// The wallet did not do it.
#[derive(Debug, thiserror::Error)]
#[error("the wallet failed: {0}")]
pub struct WalletFailed(String);

impl PolkadotJs {
    /// The wallet of the development account `secret`, on the chain at `url`.
    ///
    /// # Errors
    /// [`WalletFailed`] where its parts are not installed (`cargo xtask tools`).
    pub fn new(url: &str, secret: &str) -> Result<Self, WalletFailed> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let installed =
            env::var_os("DESCROW_WALLET_NODE_MODULES").map_or_else(|| root.join("target/tools/wallet"), PathBuf::from);
        let script = installed.join("wallet.mjs");
        let current = fs::read(root.join("tests/wallet/wallet.mjs")).ok();
        if current.is_none() || fs::read(&script).ok() != current || !installed.join("node_modules").is_dir() {
            return Err(WalletFailed(format!("{} is not up to date: run `cargo xtask tools`", installed.display())));
        }
        Ok(Self { script, url: url.to_owned(), secret: secret.to_owned() })
    }

    /// Signs and sends what `pay/dot` answered.
    ///
    /// # Errors
    /// [`WalletFailed`]; an extrinsic that is in a block but failed is no error.
    pub async fn pay(&self, answer: &Value, changed: Changed) -> Result<Sent, WalletFailed> {
        let mut options = Vec::new();
        if let Some(value) = changed.value {
            options.extend(["--value".to_owned(), value.to_string()]);
        }
        if let Some(weight) = changed.weight {
            options.extend(["--weight".to_owned(), weight.to_string()]);
        }
        self.run("pay", &options, &answer.to_string()).await
    }

    /// Gets `amount` from //Eve.
    ///
    /// # Errors
    /// [`WalletFailed`].
    pub async fn give(&self, amount: Planck) -> Result<Sent, WalletFailed> {
        self.run("give", &[amount.to_string()], "").await
    }

    /// Makes contracts forget the account, as if it had never been mapped.
    ///
    /// # Errors
    /// [`WalletFailed`].
    pub async fn unmap(&self) -> Result<Sent, WalletFailed> {
        self.run("unmap", &[], "").await
    }

    async fn run(&self, command: &str, arguments: &[String], input: &str) -> Result<Sent, WalletFailed> {
        let failed = |error: std::io::Error| WalletFailed(format!("node: {error}"));
        let mut process = Command::new("node")
            .arg(&self.script)
            .args([command, &self.url, &self.secret])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = process.stdin.take() {
            stdin.write_all(input.as_bytes()).await.map_err(failed)?;
        }
        let ended = tokio::time::timeout(PATIENCE, process.wait_with_output()).await;
        let Output { status, stdout, stderr } =
            ended.map_err(|_| WalletFailed(format!("{command} did not end in time")))?.map_err(failed)?;
        let said = || String::from_utf8_lossy(&stderr).trim().to_owned();
        if !status.success() {
            return Err(WalletFailed(said()));
        }
        serde_json::from_slice(&stdout).map_err(|error| WalletFailed(format!("{error}: {}", said())))
    }
}
