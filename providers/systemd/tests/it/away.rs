//! A bus that is not there, does not answer, or does not let us.

use crate::rig::notice;
use keywheel_contract::{Consumer as _, ErrorKind};
use keywheel_provider_systemd::{Told, Unit};
use keywheel_test_servers::systemd::Systemd;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

#[tokio::test]
async fn without_a_bus_it_is_unavailable() {
    let unit = Unit::new("web.service", Told::Restart).on_bus("unix:path=/nonexistent/bus");
    let error = unit.notify(&notice()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(
        error.message.contains("/run/dbus/system_bus_socket"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_bus_that_says_nothing_holds_nobody_up() {
    let folder = std::env::temp_dir().join(format!("keywheel-silent-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    // Whoever connects waits for ever.
    let silent = UnixListener::bind(folder.join("bus")).unwrap();
    let address = format!("unix:path={}/bus", folder.display());
    let unit = Unit::new("web.service", Told::Restart).on_bus(address);
    let began = Instant::now();
    let error = unit.notify(&notice()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("said nothing"), "{}", error.message);
    assert!(began.elapsed() < Duration::from_secs(8));
    drop(silent);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_refusal_says_what_to_grant() {
    let Some(systemd) = Systemd::denying("RestartUnit") else {
        return;
    };
    systemd.run("web.service", "ExecStart=sleep infinity\nExecReload=true");
    let before = systemd.shows("web.service", "MainPID");
    let unit = Unit::new("web.service", Told::Restart).on_bus(systemd.bus());
    let error = unit.notify(&notice()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    for words in [
        "restart web.service",
        "org.freedesktop.systemd1.manage-units",
        "polkit",
    ] {
        assert!(error.message.contains(words), "{}", error.message);
    }
    assert_eq!(systemd.shows("web.service", "MainPID"), before);
    // What is granted works beside it.
    let unit = Unit::new("web.service", Told::Reload).on_bus(systemd.bus());
    unit.notify(&notice()).await.unwrap();
}
