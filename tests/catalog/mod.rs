//! Every procedure of the two source documents, against the real clients: forwards, again, back, and once with its most
//! likely failure.
//!
//! [`names`] has the catalog, and compares it with the tree. Each runbook has one test, in the module of its platform and
//! topic. The test sets a [`stage`](stage::Stage): a cluster, and beside it what the runbook talks to (moto, PostgreSQL,
//! Redis, helm, stand-ins), a project with the shipped runbooks, and every client behind a shim that counts its calls. It
//! plays four parts through a [`Proof`](proof::Proof), each of which asserts something of its own besides what every runbook
//! must do:
//!
//! | part | of every runbook |
//! | --- | --- |
//! | forwards | `plan` goes through, `exec` succeeds; the test asserts what the servers then have |
//! | again | `exec` succeeds once more and sends nothing that changes anything |
//! | back | `rollback` of the first run succeeds; the servers have what they had at the start |
//! | failure | the test breaks something; what a person reads about it is asserted |
//!
//! A runbook that only looks plays the same four: there is nothing to send, and nothing to take back.
//!
//! When the last of them is over, the table runbook × part is printed, with the number of calls of real clients. A test
//! that could not run, since a tool is missing, has a `-` in it; under CI that is a failure.

mod arka;
mod autolytiq;
mod cloud;
mod names;
mod proof;
mod stage;
mod table;
mod templates;
mod traps;
