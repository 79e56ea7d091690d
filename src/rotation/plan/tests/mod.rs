//! The planner driven through an imagined world: issuers, stores and consumers that fail, forget and go back,
//! a person who types at any moment, and calls whose answers get lost. Time is a number.
//!
//! [`setting`] is what stays as it is in a case, [`script`] what happens, [`drawing`] draws both. [`world`] is
//! the truth outside, [`calls`] the way there, [`journal`] what is known of it. [`run`] brings them together and
//! asks [`rules`] about every intent and [`truths`] about everything that took effect. [`properties`] plays
//! cases for every kind of issuer, [`sweep`] tries every fault at every effect, [`mutants`] shows that wrong planners are caught, [`cases`] keeps what was
//! once found.

mod alone;
mod calls;
mod cases;
mod drawing;
mod emergencies;
mod heir;
mod journal;
mod lagging;
mod mutants;
mod properties;
mod quiet;
mod rules;
mod run;
mod script;
mod setting;
mod sweep;
mod truths;
mod used;
mod world;
