//! `sandbox`: the simulated outside world as a process. Prints one JSON line when it is ready.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use sandbox::{Options, Sandbox, Settings};

/// Daraja with a phone, Pinata with a gateway, and CoinGecko's prices, on loopback.
#[derive(Parser)]
struct Arguments {
    /// Daraja's port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    daraja_port: u16,
    /// Pinata's port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    ipfs_port: u16,
    /// Where pinned files are kept; in memory only without it.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Take callback URLs that Safaricom would refuse: http, and forbidden words such as the `exec` in `execute-api`.
    #[arg(long)]
    allow_unsafe_urls: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let strict = !arguments.allow_unsafe_urls;
    let settings = Settings { https_only: strict, forbidden_words: strict, ..Settings::default() };
    let options =
        Options { daraja_port: arguments.daraja_port, ipfs_port: arguments.ipfs_port, data: arguments.data, settings };
    match Sandbox::start(options).await {
        Ok(sandbox) => {
            let ready = serde_json::json!({
                "darajaUrl": sandbox.daraja_url(),
                "darajaControlUrl": format!("{}/control", sandbox.daraja_url()),
                "ipfsUrl": sandbox.ipfs_url(),
                "ratesUrl": sandbox.rates_url(),
            });
            println!("{ready}");
            sandbox.wait().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
