//! What the function reads from its environment.

use std::sync::Arc;

use descrow_domain::rates::Pricing;
use descrow_ipfs::{Gateways, PinService};
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

/// The tables that the function may see.
const TABLES: [Table; 5] = [Table::Products, Table::Users, Table::Sessions, Table::Limits, Table::Rates];

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
    /// The bucket where large images wait.
    pub bucket: String,
    /// Where it is known what a DOT costs.
    pub pricing: Pricing,
}

impl Settings {
    /// Reads the edge's variables, `TABLE_PRODUCTS`, `TABLE_USERS`, `TABLE_SESSIONS`, `TABLE_LIMITS`, `TABLE_RATES`, `IPFS_API_URL`,
    /// `IPFS_JWT`, `IPFS_API_KEY`, `IPFS_API_SECRET`, `IPFS_GATEWAYS`, `UPLOADS_BUCKET`, and what [`descrow_store::pricing`] reads.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &TABLES);
        let (pins, gateways) = (descrow_ipfs::pin_service(config), descrow_ipfs::gateways(config));
        let bucket = config.required("UPLOADS_BUCKET");
        let pricing = descrow_store::pricing(config);
        Some(Self {
            edge: edge?,
            tables: tables?,
            pins: Arc::from(pins?),
            gateways: Arc::new(gateways?),
            bucket: bucket?,
            pricing: pricing?,
        })
    }
}
