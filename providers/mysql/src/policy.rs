//! Whether the server takes hashes of passwords that it never saw.

use crate::server::{Admin, Dialect, text};
use keywheel_contract::{Error, Result};

impl Admin<'_> {
    /// Looked at before anything changes.
    ///
    /// # Errors
    /// `Invalid`: a policy wants to see each password.
    pub(crate) async fn ensure_takes_hashes(&mut self) -> Result<()> {
        if self.dialect == Dialect::MySql {
            // `validate_password` does not look at hashes.
            return Ok(());
        }
        let question = "SELECT @@strict_password_validation AND EXISTS (SELECT 1 FROM information_schema.PLUGINS \
             WHERE PLUGIN_TYPE = 'PASSWORD VALIDATION' AND PLUGIN_STATUS = 'ACTIVE') AS Strict";
        let rows = self
            .read("its password policy", question.to_owned())
            .await?;
        let strict = rows.first().map(|row| text(row, "Strict")).transpose()?;
        match strict.flatten().as_deref() {
            Some("1") => Err(Error::invalid(format!(
                "{} has a password policy that wants to see each password, and none is shown to it: \
                 `SET GLOBAL strict_password_validation = OFF` lets hashes pass",
                self.server.address
            ))),
            _ => Ok(()),
        }
    }
}
