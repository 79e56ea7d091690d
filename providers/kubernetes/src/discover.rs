//! Everything that the cluster holds, without any value: the list is asked for as metadata only, and the names of keys
//! are those that field managers own.

use crate::KubernetesStore;
use crate::managed::managed_by;
use crate::refusal::parse;
use crate::secret::{Meta, epoch_ms};
use keywheel_contract::{Listed, Page, Result};
use keywheel_http_client::Effect;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Secrets in one part.
const PART: &str = "200";
/// Asks for metadata alone (kubernetes.io, "Kubernetes API Concepts").
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=1";

#[derive(Deserialize)]
struct Told {
    metadata: ListMeta,
    items: Vec<Item>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListMeta {
    #[serde(rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: Meta,
}

impl KubernetesStore {
    pub(crate) async fn discovered(&self, after: Option<&str>) -> Result<Page> {
        let mut query = vec![("limit", PART)];
        query.extend(after.map(|after| ("continue", after)));
        let answer = self
            .cluster
            .transport
            .get("/api/v1/secrets", &query, METADATA)
            .await?;
        let told: Told = parse(
            &answer,
            "listing the Secrets of all namespaces",
            Effect::Reads,
        )?;
        let next = Some(told.metadata.next).filter(|next| !next.is_empty());
        Ok(Page {
            entries: told
                .items
                .iter()
                .map(|item| listed(&item.metadata))
                .collect(),
            next,
        })
    }
}

fn listed(meta: &Meta) -> Listed {
    let managers = meta.managed_fields.iter();
    let keys: BTreeSet<&str> = managers.clone().flat_map(|one| one.keys()).collect();
    let last = managers.filter_map(|one| one.time.as_deref()).max();
    let kind = match meta.name.starts_with("sh.helm.release.v1.") {
        true => "helm.sh/release.v1",
        false => "",
    };
    Listed {
        path: format!("{}/{}", meta.namespace, meta.name),
        fields: keys.into_iter().map(str::to_owned).collect(),
        tags: meta.labels.clone(),
        written_at_ms: last
            .or(meta.creation_timestamp.as_deref())
            .and_then(epoch_ms),
        natively_managed_by: managed_by(meta, kind),
    }
}
