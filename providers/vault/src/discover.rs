//! Everything below a mount, one folder in each part. Names, times and people's own metadata; values are never read.

use crate::kv::Kv;
use keywheel_contract::{Error, Listed, Page, Result};

impl Kv {
    /// One part. `after` holds the folders that are still to be looked into.
    pub(crate) async fn discover(&self, after: Option<&str>) -> Result<Page> {
        let mut folders: Vec<String> = match after {
            Some(text) => serde_json::from_str(text)
                .map_err(|_| Error::invalid("this is no part of the list of this store"))?,
            None => vec![String::new()],
        };
        let mut entries = Vec::new();
        if let Some(folder) = folders.pop() {
            for name in self.names(&folder).await? {
                let path = format!("{folder}{name}");
                match name.ends_with('/') {
                    true => folders.push(path),
                    false => entries.extend(self.listed(path).await?),
                }
            }
        }
        let next = (!folders.is_empty()).then(|| serde_json::json!(folders).to_string());
        Ok(Page { entries, next })
    }

    /// What consumers can read there; none where its newest version was deleted.
    async fn listed(&self, path: String) -> Result<Option<Listed>> {
        let key = self.key(&path).await?;
        if key.current().is_none() {
            return Ok(None);
        }
        Ok(Some(Listed {
            fields: self.fields(&path).await?,
            tags: key.tags().clone(),
            written_at_ms: key.written_at_ms(),
            natively_managed_by: None,
            path,
        }))
    }
}
