//! Emulators of AWS: `roto-aws`, fast and strict about labels, and `moto`, which knows who may do what. Neither is AWS:
//! `providers/aws/tests/it/deviations.toml` lists where each differs, and a test checks the list.

pub mod iam;
pub mod rotation;

use crate::python::{Packages, free_port, stop};
use std::process::Child;
use std::time::Duration;

const ROTO: &str = "roto-aws==0.10.1";
const MOTO: &str = "moto[server]==5.2.5";
const BOTO3: &str = "boto3==1.44.5";

/// One emulator; it ends when this is dropped.
pub struct Emulator {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    process: Child,
}

impl Emulator {
    /// The emulator `roto-aws`, empty; `None` where it cannot be installed, with the reason printed.
    pub async fn roto() -> Option<Self> {
        let packages = Packages::installed(&[ROTO])?;
        let start = |port: &str| packages.serve("roto-server", &["--port", port, "--ephemeral"]);
        Some(Self::started(start).await)
    }

    /// The emulator `moto`, empty.
    pub async fn moto() -> Option<Self> {
        let packages = Packages::installed(&[MOTO])?;
        let start = |port: &str| packages.serve("moto_server", &["-H", "127.0.0.1", "-p", port]);
        Some(Self::started(start).await)
    }

    async fn started(start: impl Fn(&str) -> Child) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let process = start(&port.to_string());
            let mut emulator = Self {
                address: format!("http://127.0.0.1:{port}"),
                process,
            };
            if emulator.answers(port).await {
                return emulator;
            }
        }
        panic!("the emulator did not start");
    }

    /// Whether it came up, and did not lose the port to somebody else.
    async fn answers(&mut self, port: u16) -> bool {
        for _ in 0..1200 {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            let up = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            if up.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the emulator does not answer");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

/// AWS's own client in Python, a witness that shares no line with ours.
#[must_use]
pub fn boto3() -> Option<Packages> {
    Packages::installed(&[BOTO3])
}
