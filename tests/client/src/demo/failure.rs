//! How the demo fails.

use std::fmt;

/// A step that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFailure {
    /// The step.
    pub step: String,
    /// Why it failed.
    pub reason: String,
    /// The last lines that each function concerned logged.
    pub logs: Vec<(String, Vec<String>)>,
}

impl DemoFailure {
    /// A failure of `step`.
    pub fn new(step: &str, reason: &dyn fmt::Display, logs: Vec<(String, Vec<String>)>) -> Self {
        Self { step: step.to_owned(), reason: reason.to_string(), logs }
    }
}

impl fmt::Display for DemoFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.reason)
    }
}

impl std::error::Error for DemoFailure {}
