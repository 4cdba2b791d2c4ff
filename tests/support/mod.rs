//! What the tests stand on: real tools where they can be had, simulators that speak the real protocol where not.

pub(crate) mod daemon;
pub(crate) mod debian;
pub(crate) mod helm;
pub(crate) mod kube;
pub(crate) mod live;
pub(crate) mod looks;
pub(crate) mod moto;
pub(crate) mod postgres;
pub(crate) mod project;
pub(crate) mod redis;
pub(crate) mod search;
pub(crate) mod shell;
pub(crate) mod standins;
pub(crate) mod terminal;
pub(crate) mod tmux;
pub(crate) mod tools;

mod proof;
