//! Our clients against the sandbox in process: each proves the other.

#[cfg(test)]
mod collections;
#[cfg(test)]
mod files;
#[cfg(test)]
mod misbehaviours;
#[cfg(test)]
mod payouts;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
