//! What `keywheel inventory discover` asks: the names in the vault, without their values.

use crate::history::{MANAGED_BY, is_ours};
use crate::keyvault::KeyVault;
use azure_security_keyvault_secrets::ResourceExt as _;
use azure_security_keyvault_secrets::models::SecretProperties;
use keywheel_contract::{Error, Listed, Page, Result};
use reqwest::Url;

/// One page; `after` is the link that the page before ended with.
pub(crate) async fn page(vault: &KeyVault, after: Option<&str>) -> Result<Page> {
    let link = after.map(Url::parse).transpose();
    let link = link.map_err(|_| Error::invalid("there is no such page of the vault"))?;
    let (page, next) = vault.page(link).await?;
    Ok(Page {
        entries: page.value.into_iter().filter_map(listed).collect(),
        next,
    })
}

fn listed(found: SecretProperties) -> Option<Listed> {
    let path = found.resource_id().ok()?.name;
    let updated = found.attributes.as_ref().and_then(|known| known.updated);
    let tags = found.tags.unwrap_or_default().into_iter();
    Some(Listed {
        path,
        fields: Vec::new(),
        tags: tags.filter(|(name, _)| !is_ours(name)).collect(),
        written_at_ms: updated.and_then(|at| at.unix_timestamp().checked_mul(1000)),
        natively_managed_by: found
            .managed
            .unwrap_or(false)
            .then(|| MANAGED_BY.to_owned()),
    })
}
