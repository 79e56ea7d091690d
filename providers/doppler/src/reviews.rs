//! Change requests: writes that a person there approves first.
//!
//! One is known by its title, which names the rotation and the mark, for it is filed by a call that can be lost too.

use crate::api::{Api, parse};
use crate::place::Config;
use crate::secrets::{json, text};
use keywheel_contract::{Error, ErrorKind, Fields, Mark, Result};
use keywheel_http_client::Effect;
use serde::{Deserialize, Serialize};

const REQUESTS: &str = "/v3/workplace/change_requests";

/// Where a person looks at them. No answer names the page, and no document its form: it is that of the dashboard.
const DASHBOARD: &str = "https://dashboard.doppler.com/workplace";

/// How a token of a single config begins. It sees nothing beside the config, so that it never filed a request.
const SERVICE_TOKEN: &[u8] = b"dp.st.";

/// What became of a change request of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Review {
    /// It was never filed, or was closed without being applied.
    None,
    /// It waits for a person.
    Open { url: String },
    /// It was approved and carried out.
    Applied,
}

#[derive(Deserialize)]
struct Request {
    id: String,
    title: String,
    status: String,
    #[serde(default)]
    units: Vec<Unit>,
}

#[derive(Deserialize)]
struct Unit {
    status: String,
}

impl Request {
    fn has(&self, status: &str) -> bool {
        self.units.iter().any(|unit| unit.status == status)
    }

    fn is_open(&self) -> bool {
        self.status == "open" && (self.has("open") || self.has("draft"))
    }
}

#[derive(Serialize)]
struct Filing<'a> {
    title: &'a str,
    description: &'a str,
    assigned: [(); 0],
    units: [Filed<'a>; 1],
}

#[derive(Serialize)]
struct Filed<'a> {
    action: &'a str,
    target: Target<'a>,
    status: &'a str,
    updates: Vec<Update<'a>>,
}

#[derive(Serialize)]
struct Target<'a> {
    project: &'a str,
    config: &'a str,
}

#[derive(Serialize)]
struct Update<'a> {
    name: &'a str,
    value: &'a str,
}

impl Api {
    /// What became of the change request with this mark.
    pub(crate) async fn review(&self, mark: &Mark) -> Result<Review> {
        let token = self.transport.token().await?;
        if token.expose_secret().starts_with(SERVICE_TOKEN) {
            return Ok(Review::None);
        }
        let title = title(mark);
        let query = [("title", title.as_str()), ("per_page", "100")];
        let answer = self.transport.get(REQUESTS, &query).await?;
        let what = "looking for our change request";
        let found: Vec<Request> = parse(&answer, what, Effect::Reads)?;
        let ours: Vec<_> = found.iter().filter(|one| one.title == title).collect();
        if let Some(open) = ours.iter().find(|one| one.is_open()) {
            let url = self.page(&open.id).await?;
            return Ok(Review::Open { url });
        }
        Ok(match ours.iter().any(|one| one.has("applied")) {
            true => Review::Applied,
            false => Review::None,
        })
    }

    /// Files one; where a person finds it.
    pub(crate) async fn file(
        &self,
        config: Config<'_>,
        mark: &Mark,
        sent: &Fields,
    ) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Told {
            change_request: Made,
        }
        #[derive(Deserialize)]
        struct Made {
            id: String,
        }
        // Asked first: who cannot ask where it will be could not say where to approve it.
        let workplace = self.me().await?.0.workplace.slug;
        let (body, what) = (
            filing(config, mark, sent)?,
            format!("asking to change {config}"),
        );
        let answer = self.transport.post(REQUESTS, body).await?;
        let told: Told = parse(&answer, &what, Effect::Changes).map_err(cannot_file)?;
        Ok(format!(
            "{DASHBOARD}/{workplace}/change-requests/{}",
            told.change_request.id
        ))
    }

    async fn page(&self, id: &str) -> Result<String> {
        let workplace = self.me().await?.0.workplace.slug;
        Ok(format!("{DASHBOARD}/{workplace}/change-requests/{id}"))
    }
}

/// A service token can save where it may write, and never ask to.
fn cannot_file(error: Error) -> Error {
    match error.kind {
        ErrorKind::Denied | ErrorKind::NotFound => Error::denied(
            "the config takes changes by change request only, and our token may not file one: use a service \
             account's token that may, or let the policy except the config",
        ),
        _ => error,
    }
}

fn title(mark: &Mark) -> String {
    let short = mark.token.get(..16).unwrap_or(&mark.token);
    format!("keywheel rotation {} ({short})", mark.rotation.as_str())
}

fn filing(config: Config<'_>, mark: &Mark, sent: &Fields) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut updates = Vec::new();
    for (name, value) in sent.iter() {
        let value = text(name, value)?;
        updates.push(Update { name, value });
    }
    let texts = sent.iter().map(|(name, value)| name.len() + value.len());
    let texts = texts.sum();
    let filing = Filing {
        title: &title(mark),
        description: "filed by keywheel, which waits until it is applied or closed",
        assigned: [],
        units: [Filed {
            action: "create",
            target: Target {
                project: config.project,
                config: config.config,
            },
            status: "open",
            updates,
        }],
    };
    json(&filing, texts)
}

#[cfg(test)]
mod tests {
    use super::Request;
    use serde_json::json;

    #[test]
    fn only_what_may_still_be_applied_is_open() {
        let open = |status: &str, unit: &str| {
            let request =
                json!({ "id": "1", "title": "t", "status": status, "units": [{ "status": unit }] });
            serde_json::from_value::<Request>(request)
                .unwrap()
                .is_open()
        };
        assert!(open("open", "open") && open("open", "draft"));
        assert!(!open("closed", "open") && !open("open", "canceled") && !open("open", "applied"));
    }
}
