//! The acting half of the command line: the built program, real daemons, real plugins, in folders of their own.

mod doubt;
mod emergencies;
mod nights;
mod offline;
mod provided;
mod refusals;
mod rig;
