//! The documentation: pages that are made are as they are made, and what is shown is what happens.

mod hooks;
mod links;
mod manual;
mod pages;
mod promises;
mod reference;
mod screen;
mod ssm;
mod steps;
mod traps;
mod tutorial;
