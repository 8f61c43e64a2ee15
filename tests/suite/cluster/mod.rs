//! The verbs on real clusters: those of the lab, with kubectl and both Helms as judges.

mod basics;
mod definitions;
mod deletion;
mod example;
mod faults;
mod foreign_charts;
mod helm;
mod interrupted;
mod load;
mod project;
mod proxy;
mod redaction;
mod rolling;
mod several;
mod verbs;
