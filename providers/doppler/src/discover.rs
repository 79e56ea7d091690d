//! Everything that our token sees: configs with the names of their secrets.
//!
//! One page is one project. A token of a single config sees no list; its one config is asked by the two names that the
//! service fills in itself.

use crate::DopplerStore;
use crate::api::{Facts, PAGE, parse};
use crate::place::Config;
use crate::transport::Effect;
use chrono::DateTime;
use keywheel_contract::{Error, ErrorKind, Listed, Page, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Own {
    #[serde(rename = "DOPPLER_PROJECT")]
    project: String,
    #[serde(rename = "DOPPLER_CONFIG")]
    config: String,
}

impl DopplerStore {
    pub(crate) async fn discovered(&self, after: Option<&str>) -> Result<Page> {
        let (page, at) = cursor(after)?;
        let projects = match self.api.projects(page).await {
            Err(error) if cannot_list(&error) && after.is_none() => return self.own().await,
            listed => listed?,
        };
        let Some(project) = projects.get(at) else {
            return Ok(Page::default());
        };
        let next = match at + 1 {
            next if next < projects.len() => Some(format!("{page}.{next}")),
            _ if projects.len() == PAGE => Some(format!("{}.0", page + 1)),
            _ => None,
        };
        let entries = self.project(&project.slug).await?;
        Ok(Page { entries, next })
    }

    async fn project(&self, project: &str) -> Result<Vec<Listed>> {
        let mut entries = Vec::new();
        for page in 1.. {
            let configs = self.api.configs(project, page).await?;
            for facts in &configs {
                entries.push(self.listed(project, facts).await?);
            }
            if configs.len() < PAGE {
                break;
            }
        }
        Ok(entries)
    }

    async fn listed(&self, project: &str, facts: &Facts) -> Result<Listed> {
        let config = Config {
            project,
            config: &facts.name,
        };
        let mut tags = std::collections::BTreeMap::new();
        if !facts.environment.is_empty() {
            tags.insert("environment".to_owned(), facts.environment.clone());
        }
        // A token may see names and no log: then there is no date.
        let log = self.api.newest_log(config).await.ok().flatten();
        let saved = log.and_then(|log| DateTime::parse_from_rfc3339(&log.created_at).ok());
        Ok(Listed {
            path: config.to_string(),
            fields: self.api.names(config).await?,
            tags,
            written_at_ms: saved.map(|saved| saved.timestamp_millis()),
            natively_managed_by: None,
        })
    }

    /// The one config of a service token, which need not be named in this call.
    async fn own(&self) -> Result<Page> {
        let query = [
            ("format", "json"),
            ("secrets", "DOPPLER_PROJECT,DOPPLER_CONFIG"),
        ];
        let answer = self
            .api
            .transport
            .get("/v3/configs/config/secrets/download", &query);
        let own: Own = parse(
            &answer.await?,
            "asking for the token's config",
            Effect::Reads,
        )?;
        let config = Config {
            project: &own.project,
            config: &own.config,
        };
        let facts = self.api.config(config).await;
        let facts = facts.unwrap_or_else(|_| Facts {
            name: own.config.clone(),
            environment: String::new(),
            root: false,
        });
        let entry = self.listed(&own.project, &facts).await?;
        Ok(Page {
            entries: vec![entry],
            next: None,
        })
    }
}

fn cannot_list(error: &Error) -> bool {
    matches!(
        error.kind,
        ErrorKind::Denied | ErrorKind::NotFound | ErrorKind::Invalid
    )
}

/// Page and project on it.
fn cursor(after: Option<&str>) -> Result<(usize, usize)> {
    let Some(text) = after else {
        return Ok((1, 0));
    };
    let parts = text.split_once('.');
    let numbers = parts.and_then(|(page, at)| Some((page.parse().ok()?, at.parse().ok()?)));
    numbers.ok_or_else(|| Error::invalid("this is no mark of a page that Doppler gave"))
}
