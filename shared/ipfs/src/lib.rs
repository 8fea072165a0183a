//! Content on IPFS: pinned by a service, fetched through gateways, and believed by nobody's word but its CID.
//!
//! The CID of what we pin is computed here, the way Kubo does it, and a service that answers with another one is refused;
//! what a gateway returns is hashed before it is handed on. So neither can show a buyer another product than was signed.

mod canonical;
mod content_id;
mod gateway;
mod kubo;
mod pin;
mod pinata;
mod settings;
mod unixfs;

pub use canonical::{NotCanonical, canonical_json};
pub use content_id::{ContentId, InvalidContentId, validate_cid};
pub use gateway::{FetchError, Gateways};
pub use kubo::Kubo;
pub use pin::{AskFuture, File, PinError, PinFuture, PinService, pin_once};
pub use pinata::{Pinata, PinataAccess};
pub use settings::{gateways, pin_service};
