//! What can be asked of the command line, and who answers.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    demo, down, layout::Layout, logs, openapi, phone, progress::Progress, recount, schemathesis, sizes, status, suite,
    tools, up,
};

/// Everything a developer does with Descrow on one machine.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about)]
pub(crate) struct Cli {
    /// Folder of the local stack: its logs, its state and stack.json. Each folder is a stack with its own ports.
    #[arg(long, global = true, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the functions, start local AWS, chain and sandbox, deploy the template, and watch until Ctrl-C. A stack that
    /// runs already, and is what would be deployed, is only shown
    Up(Up),
    /// Stop what `up` started, and nothing else
    Down,
    /// Say which parts of the stack run, and where
    Status,
    /// Play one M-Pesa order from login to payout as an outside client, and print its timeline. With a real Daraja,
    /// `DESCROW_DEMO_PHONE` in the environment is the phone that pays
    Demo {
        /// Print one JSON object per line instead of text
        #[arg(long)]
        json: bool,
    },
    /// Play the customer's handset in the sandbox
    Phone {
        #[command(subcommand)]
        action: Phone,
    },
    /// Print the log of one function of the local stack
    Logs {
        /// Name of the function, as under functions/; or ministack, chain, sandbox, log-follower
        function: String,
        /// Keep printing what is added
        #[arg(short, long)]
        follow: bool,
    },
    /// Run the whole suite: format, clippy, rules, template, unit to HTTP tests, and end to end on a fresh stack
    Test,
    /// Build functions for release and print what Lambda has to load; fails where a bounded one is too large
    Sizes {
        /// Names as under functions/; all where none is given
        functions: Vec<String>,
    },
    /// Count every order and entry of the books anew, compare with the analytics' counters, and print both; fails where they
    /// differ
    Recount(Recount),
    /// Print the OpenAPI document of what is there
    Openapi {
        /// Publish it: write it to `shared/web/openapi.json`, which GET /openapi.json serves
        #[arg(long)]
        write: bool,
    },
    /// Play against the deployed stack what the OpenAPI document allows and forbids, with all of schemathesis' checks. Starts
    /// the stack if it is not up. Arguments after `--` go to schemathesis
    Schemathesis {
        /// Such as `--include-path /api/orders`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Install the pinned tools (local AWS, SAM CLI, OpenAPI tools, chain, Solidity compiler, wallet) under target/tools
    Tools,
}

/// How to bring the stack up.
#[derive(Args, Default, Clone)]
pub(crate) struct Up {
    /// Return when the stack is ready and leave it running
    #[arg(long)]
    pub(crate) detach: bool,
    /// A real Daraja endpoint instead of the sandbox
    #[arg(long, value_name = "URL", requires = "daraja_credentials")]
    pub(crate) daraja_url: Option<String>,
    /// Its credentials: JSON with `consumerKey`, `consumerSecret`, `shortcode`, `passkey`, `b2cShortcode`, `initiatorName`, `securityCredential`
    #[arg(long, value_name = "FILE", requires = "daraja_url")]
    pub(crate) daraja_credentials: Option<PathBuf>,
    /// A node's JSON-RPC (ws:// or wss://) instead of the local chain
    #[arg(long, value_name = "URL", requires = "contract")]
    pub(crate) chain_url: Option<String>,
    /// Address of the escrow contract on that chain; `ORACLE_SEED` in the environment signs for its oracle
    #[arg(long, value_name = "ADDRESS", requires = "chain_url")]
    pub(crate) contract: Option<String>,
    /// An IPFS pinning API instead of the sandbox: Pinata's, or a Kubo node's RPC where the URL ends in `/api/v0`. `IPFS_JWT` in
    /// the environment is its token, which a node may do without
    #[arg(long, value_name = "URL", requires = "ipfs_gateway")]
    pub(crate) ipfs_url: Option<String>,
    /// The gateway where browsers and functions read its content
    #[arg(long, value_name = "URL", requires = "ipfs_url")]
    pub(crate) ipfs_gateway: Option<String>,
}

/// What to recount.
#[derive(Args)]
pub(crate) struct Recount {
    /// Name of a stack on AWS, which is reached by `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN`; the local stack where absent
    #[arg(long, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// Seconds to wait for counters that do not agree: their streams are some seconds behind
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,
    /// Give rows that a release without an index wrote their place in it, and make counters right that still differ; only for
    /// a stack whose streams are drained
    #[arg(long)]
    pub(crate) repair: bool,
}

/// What the handset can do.
#[derive(Subcommand)]
pub(crate) enum Phone {
    /// Show the prompts waiting for an answer
    List,
    /// Enter the PIN; with no id, on the newest prompt
    Answer {
        /// Id of the prompt, or number of its phone
        id: Option<String>,
        /// Enter a wrong PIN
        #[arg(long)]
        wrong_pin: bool,
        /// Enter the PIN of an account that has too little money
        #[arg(long, conflicts_with = "wrong_pin")]
        no_money: bool,
    },
    /// Press cancel; with no id, on the newest prompt
    Cancel {
        /// Id of the prompt, or number of its phone
        id: Option<String>,
    },
    /// Let the prompt time out; with no id, the newest
    Ignore {
        /// Id of the prompt, or number of its phone
        id: Option<String>,
    },
}

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let layout = Layout::new(cli.dir)?;
    let progress = Progress::start();
    match cli.command {
        Command::Up(options) => up::run(&layout, &progress, &options)?,
        Command::Down => down::run(&layout, &progress)?,
        Command::Status => return status::run(&layout),
        Command::Demo { json } => return demo::run(&layout, &progress, json),
        Command::Phone { action } => phone::run(&layout, &action)?,
        Command::Logs { function, follow } => logs::run(&layout, &function, follow)?,
        Command::Test => return suite::run(&layout, &progress),
        Command::Sizes { functions } => return sizes::run(&layout, &progress, &functions),
        Command::Recount(options) => return recount::run(&layout, &options),
        Command::Openapi { write } => openapi::run(&layout, write)?,
        Command::Schemathesis { args } => schemathesis::run(&layout, &progress, &args)?,
        Command::Tools => tools::install_all(&layout, &progress)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_real_part_needs_what_belongs_to_it() {
        for (option, missing) in [
            ("--daraja-url", "--daraja-credentials <FILE>"),
            ("--daraja-credentials", "--daraja-url <URL>"),
            ("--chain-url", "--contract <ADDRESS>"),
            ("--contract", "--chain-url <URL>"),
            ("--ipfs-url", "--ipfs-gateway <URL>"),
            ("--ipfs-gateway", "--ipfs-url <URL>"),
        ] {
            let error = Cli::try_parse_from(["xtask", "up", option, "https://x"]).err().unwrap().to_string();
            assert!(error.contains("required arguments were not provided"), "{option}: {error}");
            assert!(error.contains(missing), "{option}: {error}");
        }
    }
}
