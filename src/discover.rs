//! What a store holds, part by part, within its quotas. Nothing is changed and no value is read.

use crate::quotas::patiently;
use keywheel_contract::{Error, Listed, Result, SecretStore};

/// Everything that a store holds, by path. `told` hears how much there is so far.
///
/// # Errors
/// The store cannot list what it holds, or does not answer; then nothing of it is known.
pub async fn everything(
    store: &dyn SecretStore,
    mut told: impl FnMut(usize),
) -> Result<Vec<Listed>> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = patiently(async || store.discover(after.as_deref()).await).await?;
        all.extend(page.entries);
        told(all.len());
        if page.next.is_none() {
            break;
        }
        if page.next == after {
            return Err(Error::invalid(
                "the store names the same part of its list again and again",
            ));
        }
        after = page.next;
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}
