//! The acting half of the command line: the built program, real daemons, real plugins, in folders of their own.

mod compared;
mod doubt;
mod emergencies;
mod interrupted;
mod nights;
mod offline;
mod proofs;
mod provided;
mod refusals;
mod rig;
mod standby;
mod strangers;
mod terminal;
mod told;
