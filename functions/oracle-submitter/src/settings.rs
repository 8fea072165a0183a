//! What the function is configured with.

use descrow_chain::{Connector, EscrowContract, OracleSigner};
use descrow_platform::{Config, aws};
use descrow_store::{Store, Table, Tables};

use crate::Submitter;

/// Reads the configuration and builds what follows from it. `None` notes in `config` what is wrong.
pub fn submitter(config: &Config) -> Option<Submitter> {
    let tables = Tables::from_config(
        config,
        &[Table::ChainCommands, Table::ChainState, Table::Orders, Table::MpesaTransactions],
    );
    let url = config.url("POLKADOT_WS_URL", &["ws", "wss"]);
    let contract = EscrowContract::read(config);
    let signer = config.secret("ORACLE_SEED", 1).and_then(|seed| {
        OracleSigner::from_secret(&seed).inspect_err(|error| config.refuse("ORACLE_SEED", error)).ok()
    });
    Some(Submitter {
        store: Store::new(aws::dynamodb(&aws::sdk_config()), tables?),
        connector: Connector::new(url?),
        contract: contract?,
        signer: signer?,
    })
}
