//! What the commands that only read say of rotations that the real daemon ran.

mod audit;
mod rig;
mod screens;
