//! A Kubernetes API server inside the test process, with controllers small enough to read and a real kubectl for client.

mod clock;
mod cluster;
mod controllers;
mod defaults;
mod desk;
mod discovery;
mod eviction;
mod exec;
mod kinds;
mod kubectl;
mod limits;
mod logs;
mod metrics;
mod patch;
mod protobuf;
mod quantity;
mod quota;
mod routes;
mod scale;
mod seed;
mod selector;
mod state;
mod status;
mod store;
mod strategic;
mod table;
mod trouble;
mod validate;
mod watch;

pub(crate) use cluster::Cluster;
pub(crate) use exec::{Exec, Ran};
pub(crate) use kubectl::Kubectl;
pub(crate) use logs::Log;
pub(crate) use state::{Settings, Wants};
