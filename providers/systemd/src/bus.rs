//! The part of systemd's D-Bus interface that is used here, and its errors in our words.

use keywheel_contract::{Error, Result};
use zbus::connection::Builder;
use zbus::proxy::{self, CacheProperties};
use zbus::{Connection, DBusError as _, OwnedObjectPath, Proxy};

/// Who answers, on every bus.
const SYSTEMD: &str = "org.freedesktop.systemd1";

/// The manager of all units.
#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub(crate) trait Manager {
    /// Has signals sent to us.
    fn subscribe(&self) -> zbus::Result<()>;
    /// Where a unit is, read from its file if need be; also where there is no such file.
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    /// Queues a job and answers with it.
    fn reload_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    /// Queues a job and answers with it.
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    /// A job is over.
    #[zbus(signal)]
    fn job_removed(
        &self,
        id: u32,
        job: OwnedObjectPath,
        unit: String,
        result: String,
    ) -> zbus::Result<()>;
}

/// What a service says of itself, by an interface of its object (`Unit`, `Service`). It changes under us, so that
/// nothing is kept.
pub(crate) async fn properties<'a>(
    connection: &Connection,
    unit: &'a OwnedObjectPath,
    interface: &'static str,
) -> zbus::Result<Proxy<'a>> {
    proxy::Builder::new(connection)
        .destination(SYSTEMD)
        .path(unit)
        .interface(interface)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

/// A connection to the bus at that address, or to the system bus where none is given.
///
/// # Errors
/// `Unavailable`: there is none.
pub(crate) async fn connect(address: Option<&str>) -> Result<Connection> {
    let bus = address.map_or_else(Builder::system, Builder::address);
    bus.build().await.map_err(|_| {
        Error::unavailable(
            "the system bus of this machine cannot be reached: are systemd and D-Bus running here, and may keywheel \
             connect to /run/dbus/system_bus_socket?",
        )
    })
}

/// What an error of the bus or of systemd means for that unit. Its own words are not passed on.
pub(crate) fn failed(unit: &str, doing: &str, error: &zbus::Error) -> Error {
    match error {
        zbus::Error::MethodError(name, _, _) => by_name(unit, doing, name.as_str()),
        zbus::Error::FDO(error) => by_name(unit, doing, error.name().as_str()),
        zbus::Error::InputOutput(_) => {
            Error::unavailable(format!("{unit}: the connection to the bus broke off"))
        }
        _ => Error::unavailable(format!("{unit}: systemd's answer cannot be read")),
    }
}

fn by_name(unit: &str, doing: &str, name: &str) -> Error {
    let last = name.rsplit('.').next().unwrap_or_default();
    match last {
        "NoSuchUnit" => Error::not_found(no_unit(unit)),
        "LoadFailed" | "BadUnitSetting" => Error::invalid(bad_file(unit)),
        "UnitMasked" => Error::invalid(masked(unit)),
        "AccessDenied" | "InteractiveAuthorizationRequired" | "AuthFailed" => {
            Error::denied(format!(
                "systemd does not let keywheel {doing} {unit}: grant `org.freedesktop.systemd1.manage-units` for this \
                 unit to the user of keywheel by a polkit rule"
            ))
        }
        "ServiceUnknown" | "NameHasNoOwner" => {
            Error::unavailable("there is no systemd on the bus of this machine")
        }
        "JobTypeNotApplicable" | "OnlyByDependency" | "InvalidArgs" => Error::invalid(format!(
            "systemd cannot {doing} {unit} at all ({last}): what cannot be reloaded is told by `restart`"
        )),
        _ => Error::unavailable(format!("systemd could not {doing} {unit} ({last})")),
    }
}

/// A unit whose file is not there.
pub(crate) fn no_unit(unit: &str) -> String {
    format!("there is no unit {unit} on this machine")
}

/// A unit whose file cannot be used.
pub(crate) fn bad_file(unit: &str) -> String {
    format!("the file of {unit} cannot be used: `systemctl status {unit}`")
}

/// A unit that somebody forbade.
pub(crate) fn masked(unit: &str) -> String {
    format!("{unit} is masked: `systemctl unmask {unit}`")
}

#[cfg(test)]
mod tests {
    use super::{by_name, connect};
    use keywheel_contract::ErrorKind;

    #[test]
    fn errors_say_what_to_do() {
        for (name, kind, words) in [
            (
                "systemd1.NoSuchUnit",
                ErrorKind::NotFound,
                "no unit web.service",
            ),
            (
                "systemd1.LoadFailed",
                ErrorKind::Invalid,
                "systemctl status web.service",
            ),
            (
                "systemd1.UnitMasked",
                ErrorKind::Invalid,
                "systemctl unmask web.service",
            ),
            (
                "DBus.Error.InteractiveAuthorizationRequired",
                ErrorKind::Denied,
                "manage-units",
            ),
            ("DBus.Error.AccessDenied", ErrorKind::Denied, "polkit"),
            (
                "systemd1.JobTypeNotApplicable",
                ErrorKind::Invalid,
                "`restart`",
            ),
            (
                "DBus.Error.ServiceUnknown",
                ErrorKind::Unavailable,
                "no systemd",
            ),
            (
                "systemd1.TransactionIsDestructive",
                ErrorKind::Unavailable,
                "TransactionIsDestructive",
            ),
        ] {
            let error = by_name("web.service", "reload", &format!("org.freedesktop.{name}"));
            assert_eq!(error.kind, kind, "{name}");
            assert!(error.message.contains(words), "{}", error.message);
        }
    }

    #[tokio::test]
    async fn without_a_bus_nothing_is_known() {
        let error = connect(Some("unix:path=/nonexistent/bus"))
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains("system bus"), "{}", error.message);
    }
}
