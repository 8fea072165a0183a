//! What operators rely on in `infra/template.yaml`: alarms that ring, deployments that can be taken back, uploads that go.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod alarms;
mod bucket;
mod deployments;
mod logs;
mod read;
