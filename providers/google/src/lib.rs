//! Store `google-secret-manager`: Google Secret Manager.
