//! Store `azure-key-vault`: secrets of Azure Key Vault.
