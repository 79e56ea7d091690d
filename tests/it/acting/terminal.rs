//! A terminal to type at: what a program shows on it, and whether it shows what is typed.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

/// Our side of it.
pub(crate) struct Terminal {
    ours: File,
    theirs: File,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// A new one; a thread reads what is shown on it until both ends are closed.
    pub(crate) fn new() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(name.as_bytes()).to_owned();
        let theirs = File::options().read(true).write(true).open(path).unwrap();
        let ours = File::from(ours);
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let (mut reader, kept) = (ours.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut some = [0; 1024];
            while let Ok(count @ 1..) = reader.read(&mut some) {
                kept.lock().unwrap().extend_from_slice(&some[..count]);
            }
        });
        Self {
            ours,
            theirs,
            shown,
        }
    }

    /// The program's side.
    pub(crate) fn end(&self) -> Stdio {
        self.theirs.try_clone().unwrap().into()
    }

    /// Types something.
    pub(crate) fn types(&self, text: &str) {
        (&self.ours).write_all(text.as_bytes()).unwrap();
    }

    /// All that was shown so far, echoed input among it.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Whether what is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.theirs).unwrap().local_modes;
        modes.contains(LocalModes::ECHO)
    }
}
