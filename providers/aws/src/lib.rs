//! Store `aws-secrets-manager`: AWS Secrets Manager.
