//! A client of the deployed stack, and the end-to-end tests that use it.
