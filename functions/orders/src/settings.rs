//! What the function reads from its environment.

use std::sync::Arc;

use descrow_domain::rates::Pricing;
use descrow_ipfs::{Gateways, PinService};
use descrow_mpesa::{CallbackUrls, ClientSettings, StkSettings};
use descrow_platform::Config;
use descrow_store::{Table, Tables};
use descrow_web::EdgeConfig;

/// The tables that the function may see.
const TABLES: [Table; 11] = [
    Table::Orders,
    Table::Products,
    Table::Users,
    Table::Sessions,
    Table::MpesaTransactions,
    Table::ChainCommands,
    Table::ChainState,
    Table::Limits,
    Table::Rates,
    Table::Evidence,
    Table::Notifications,
];
/// How long an order waits for its payment where `WINDOW_PAYMENT` does not say, in seconds.
const PAYMENT_WINDOW: i64 = 1800;

/// The function's settings.
pub struct Settings {
    /// The edge's.
    pub edge: EdgeConfig,
    /// The tables it may see.
    pub tables: Tables,
    /// As whom Daraja is called.
    pub daraja: ClientSettings,
    /// The shortcode that collects.
    pub stk: StkSettings,
    /// Where M-Pesa reports.
    pub callbacks: CallbackUrls,
    /// Where tracking documents and evidence are pinned.
    pub pins: Arc<dyn PinService>,
    /// Where browsers find them.
    pub gateways: Arc<Gateways>,
    /// The bucket where large files wait.
    pub bucket: String,
    /// Where it is known what a DOT and a dollar cost.
    pub pricing: Pricing,
    /// How long an order waits for its payment, in seconds.
    pub payment_window: i64,
    /// Whether only sellers whose identity was verified may sell.
    pub verified_sellers: bool,
}

impl Settings {
    /// Reads the edge's variables, the tables', `MPESA_BASE_URL`, `MPESA_CONSUMER_KEY`, `MPESA_CONSUMER_SECRET`,
    /// `MPESA_SHORTCODE`, `MPESA_PASSKEY`, `API_BASE_URL`, `MPESA_CALLBACK_SECRET`, `MPESA_ALLOW_UNSAFE_CALLBACK_URL`,
    /// `IPFS_API_URL`, `IPFS_JWT`, `IPFS_API_KEY`, `IPFS_API_SECRET`, `IPFS_GATEWAYS`, `UPLOADS_BUCKET`, `WINDOW_PAYMENT`
    /// (seconds), `REQUIRE_SELLER_KYC` (`true` or `false`), and what [`descrow_store::pricing`] reads.
    pub fn read(config: &Config) -> Option<Self> {
        let edge = EdgeConfig::read(config);
        let tables = Tables::from_config(config, &TABLES);
        let (daraja, stk) = (ClientSettings::read(config), StkSettings::read(config));
        let callbacks = CallbackUrls::read(config);
        let (pins, gateways) = (descrow_ipfs::pin_service(config), descrow_ipfs::gateways(config));
        let bucket = config.required("UPLOADS_BUCKET");
        let pricing = descrow_store::pricing(config);
        let payment_window = config.parsed_or("WINDOW_PAYMENT", PAYMENT_WINDOW);
        let verified_sellers = config.parsed_or("REQUIRE_SELLER_KYC", false);
        Some(Self {
            edge: edge?,
            tables: tables?,
            daraja: daraja?,
            stk: stk?,
            callbacks: callbacks?,
            pins: Arc::from(pins?),
            gateways: Arc::new(gateways?),
            bucket: bucket?,
            pricing: pricing?,
            payment_window: payment_window?,
            verified_sellers: verified_sellers?,
        })
    }
}
