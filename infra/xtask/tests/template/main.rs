//! What operators rely on in `infra/template.yaml`: alarms that ring, and deployments that can be taken back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod alarms;
mod deployments;
mod logs;
mod read;
