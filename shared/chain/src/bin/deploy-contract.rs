//! Deploys the reference contract, with its deployer as admin, oracle and arbiter.
//!
//! `ORACLE_SEED=… deploy-contract URL` prints `{"address": "0x…", "fromBlock": …}`: what the template's `ContractAddress` needs,
//! and a block before the contract's first event.

use std::{env, error::Error, process::ExitCode, time::Duration};

use descrow_chain::{Chain, OracleSigner, deploy::deploy};
use descrow_platform::{Deadline, Secret};

/// Some blocks of a slow chain.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<serde_json::Value, Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: ORACLE_SEED=… deploy-contract URL")?;
    let seed = env::var("ORACLE_SEED").map_err(|_| "ORACLE_SEED is not set")?;
    let signer = OracleSigner::from_secret(&Secret::new(seed))?;
    let deadline = Deadline::after(PATIENCE);
    let chain = Chain::connect(&url, deadline).await?;
    let deployed = deploy(&chain, &signer, deadline).await?;
    Ok(serde_json::json!({ "address": deployed.address.to_string(), "fromBlock": deployed.from_block }))
}
