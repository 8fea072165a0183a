//! Pins and fetches content on IPFS, and verifies it.
