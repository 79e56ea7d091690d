//! Everything that our token sees: configs with the names of their secrets.
//!
//! A part is some configs of one project. A token of a single config sees no list; its one config is asked by the two names that the
//! service fills in itself.

use crate::DopplerStore;
use crate::api::{Facts, PAGE, Project, parse};
use crate::place::Config;
use chrono::DateTime;
use keywheel_contract::{Error, ErrorKind, Listed, Page, Result};
use keywheel_http_client::Effect;
use serde::Deserialize;

#[derive(Deserialize)]
struct Own {
    #[serde(rename = "DOPPLER_PROJECT")]
    project: String,
    #[serde(rename = "DOPPLER_CONFIG")]
    config: String,
}

/// Configs in one part: a part asks for a page of projects, a page of configs, and twice for each config.
const PART: usize = 4;

/// Where a part begins: which page of projects, which project of it, which config of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    page: usize,
    project: usize,
    config: usize,
}

impl DopplerStore {
    pub(crate) async fn discovered(&self, after: Option<&str>) -> Result<Page> {
        let at = after.map_or(Ok(Cursor::FIRST), Cursor::read)?;
        let projects = match self.api.projects(at.page).await {
            Err(error) if cannot_list(&error) && after.is_none() => return self.own().await,
            listed => listed?,
        };
        let Some(Project { slug }) = projects.get(at.project) else {
            return Ok(Page::default());
        };
        let configs = self.api.configs(slug, at.config / PAGE + 1).await?;
        let first = at.config % PAGE;
        let mut entries = Vec::new();
        for facts in configs.iter().skip(first).take(PART) {
            entries.push(self.listed(slug, facts).await?);
        }
        let more = first + PART < configs.len() || configs.len() == PAGE;
        let next = at.next(more, projects.len()).map(|next| next.to_string());
        Ok(Page { entries, next })
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

impl Cursor {
    const FIRST: Self = Self {
        page: 1,
        project: 0,
        config: 0,
    };

    /// The part after this one, in a project that has more or not, on a page of so many projects.
    fn next(self, more: bool, projects: usize) -> Option<Self> {
        let Self {
            page,
            project,
            config,
        } = self;
        match project + 1 {
            _ if more => Some(Self {
                config: config + PART,
                ..self
            }),
            next if next < projects => Some(Self {
                project: next,
                config: 0,
                page,
            }),
            PAGE => Some(Self {
                page: page + 1,
                ..Self::FIRST
            }),
            _ => None,
        }
    }

    fn read(text: &str) -> Result<Self> {
        let numbers: Option<Vec<usize>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[page, project, config]) => Ok(Self {
                page,
                project,
                config,
            }),
            _ => Err(Error::invalid("this is no mark of a part that we gave")),
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.page, self.project, self.config)
    }
}
