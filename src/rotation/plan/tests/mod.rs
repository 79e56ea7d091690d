//! The planner driven through an imagined world: issuers, stores and consumers that fail, forget and go back,
//! a person who types at any moment, and calls whose answers get lost. Time is a number.
//!
//! [`setting`] is what is drawn once per case, [`script`] what happens, [`world`] the truth outside and
//! [`calls`] the way there, [`journal`] what is known of it. [`run`] brings them together and asks [`rules`]
//! after every step. [`properties`] plays cases for every kind of issuer, [`mutants`] shows that wrong
//! planners are caught, [`cases`] keeps what was once found.

mod calls;
mod cases;
mod journal;
mod mutants;
mod properties;
mod rules;
mod run;
mod script;
mod setting;
mod world;
