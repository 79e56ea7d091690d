//! Files of this machine, for every provider that works on them: reached beneath a folder without following a link,
//! and swapped for a new one that its owner cannot tell from the old.

mod beneath;
mod root;
mod target;

pub use beneath::{blocking, lock, open_beneath, open_folder, parts, refused, settle};
pub use root::open_root;
pub use target::{Seen, Target};
