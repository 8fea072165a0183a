//! What the function reads from its environment.

use std::sync::Arc;

use descrow_domain::rates::Rate;
use descrow_ipfs::{Gateways, PinService};
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

/// The function's settings.
pub struct Settings {
    /// The edge's.
    pub edge: EdgeConfig,
    /// The tables it may see.
    pub tables: Tables,
    /// Where content is pinned.
    pub pins: Arc<dyn PinService>,
    /// Where browsers find it.
    pub gateways: Arc<Gateways>,
    /// Dollars for one DOT.
    pub usd_per_dot: Rate,
}

impl Settings {
    /// Reads the edge's variables, `TABLE_PRODUCTS`, `TABLE_USERS`, `TABLE_SESSIONS`, `TABLE_LIMITS`, `IPFS_API_URL`,
    /// `IPFS_JWT`, `IPFS_GATEWAYS` and `USD_PER_DOT`.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &[Table::Products, Table::Users, Table::Sessions, Table::Limits]);
        let (pins, gateways) = (descrow_ipfs::pin_service(config), descrow_ipfs::gateways(config));
        let usd_per_dot = config.parsed::<Rate>("USD_PER_DOT");
        Some(Self {
            edge: edge?,
            tables: tables?,
            pins: Arc::from(pins?),
            gateways: Arc::new(gateways?),
            usd_per_dot: usd_per_dot?,
        })
    }
}
