//! Tests of the programs as the contract sees them: real processes, real pipes.

#[cfg(test)]
mod check;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transport;
