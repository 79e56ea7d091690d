//! Variables of the environment that the driver listens to: what is meant for other programs does not count here.

use keywheel_contract::{Error, Result};

/// What the driver takes from the environment into its options, where nobody can take it out again.
const FROM_ENVIRONMENT: [&str; 3] = ["PGOPTIONS", "PGSSLCERT", "PGSSLKEY"];

/// # Errors
/// `Invalid`: one of them is set.
pub(crate) fn ensure_silent() -> Result<()> {
    let set = |name: &&&str| std::env::var_os(name).is_some();
    match FROM_ENVIRONMENT.iter().find(set) {
        None => Ok(()),
        Some(name) => Err(Error::invalid(format!(
            "the environment variable `{name}` would count for every connection to the server: unset it"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::FROM_ENVIRONMENT;
    use crate::options::PostgresOptions;
    use crate::server::Server;
    use keywheel_contract::SecretValue;
    use std::path::Path;
    use std::process::Command;

    /// In every variable that is tried out.
    const FOREIGN: &str = "/example-of-the-environment";
    /// Tells the test that it was started with them.
    const CHILD: &str = "KEYWHEEL_TEST_ENVIRONMENT";
    const OVERRIDDEN: [&str; 7] = [
        "PGAPPNAME",
        "PGDATABASE",
        "PGHOST",
        "PGHOSTADDR",
        "PGPASSWORD",
        "PGSSLROOTCERT",
        "PGUSER",
    ];

    /// In a process of its own, for the environment is everybody's.
    fn passes_with(name: &str) -> bool {
        let test = "environment::tests::nothing_of_the_environment_counts";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test]).env(CHILD, name);
        let output = child.env(name, FOREIGN).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success() && told.contains("1 passed")
    }

    #[test]
    fn nothing_of_the_environment_counts() {
        let Ok(name) = std::env::var(CHILD) else {
            for name in OVERRIDDEN.iter().chain(&FROM_ENVIRONMENT) {
                assert!(passes_with(name), "{name}");
            }
            return;
        };
        let options: PostgresOptions = toml::from_str(
            "address = 'h'\nroles = ['a', 'b']\nadmin = { user = 'r', password = { env = 'EXAMPLE' } }",
        )
        .unwrap();
        let server = Server::shared(&options, Path::new(""));
        if FROM_ENVIRONMENT.contains(&name.as_str()) {
            let error = server.err().unwrap();
            assert!(error.message.contains(&name), "{error}");
            return;
        }
        let password = SecretValue::from("example".to_owned());
        let options = server.unwrap().connect_options("r", &password).unwrap();
        assert!(!format!("{options:?}").contains(FOREIGN), "{name} counts");
    }
}
