//! The calls that tell about tokens, projects and configs: everything but values.

use crate::place::Config;
use crate::transport::{Answer, Transport};
use keywheel_contract::{Error, Result};
use keywheel_http_client::Effect;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Things on one page of a list.
pub(crate) const PAGE: usize = 20;

/// What the service says of our token.
#[derive(Deserialize)]
pub(crate) struct Me {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) workplace: Workplace,
}

/// The account that the token belongs to.
#[derive(Default, Deserialize)]
pub(crate) struct Workplace {
    #[serde(default)]
    pub(crate) slug: String,
    #[serde(default)]
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct Project {
    pub(crate) slug: String,
}

/// What is told of a config without its secrets.
#[derive(Deserialize)]
pub(crate) struct Facts {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) environment: String,
    /// Whether it inherits from none.
    #[serde(default)]
    pub(crate) root: bool,
}

/// One save of a config, as its log tells it.
#[derive(Deserialize)]
pub(crate) struct Log {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) created_at: String,
    #[serde(default)]
    user: Option<User>,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    name: Option<String>,
}

impl Log {
    /// Who made it; a token has no name there.
    pub(crate) fn who(&self) -> &str {
        let name = self.user.as_ref().and_then(|user| user.name.as_deref());
        name.unwrap_or("a token")
    }
}

/// The service, called as one token.
pub(crate) struct Api {
    pub(crate) transport: Transport,
}

impl Api {
    /// Who we are, and when the server says it answered.
    pub(crate) async fn me(&self) -> Result<(Me, Option<String>)> {
        let answer = self.transport.get("/v3/me", &[]).await?;
        let me = parse(&answer, "asking who we are", Effect::Reads)?;
        Ok((me, answer.date))
    }

    pub(crate) async fn config(&self, config: Config<'_>) -> Result<Facts> {
        #[derive(Deserialize)]
        struct Told {
            config: Facts,
        }
        let query = config.query();
        let answer = self.transport.get("/v3/configs/config", &query).await?;
        let told: Told = parse(&answer, &format!("looking at {config}"), Effect::Reads)?;
        Ok(told.config)
    }

    /// Names of every secret there, without those that the service fills itself.
    pub(crate) async fn names(&self, config: Config<'_>) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Told {
            names: Vec<String>,
        }
        let mut query = config.query().to_vec();
        query.push(("include_managed_secrets", "false"));
        let answer = self
            .transport
            .get("/v3/configs/config/secrets/names", &query);
        let what = format!("listing the names of {config}");
        let told: Told = parse(&answer.await?, &what, Effect::Reads)?;
        Ok(told.names)
    }

    /// The newest save there.
    pub(crate) async fn newest_log(&self, config: Config<'_>) -> Result<Option<Log>> {
        #[derive(Deserialize)]
        struct Told {
            logs: Vec<Log>,
        }
        let mut query = config.query().to_vec();
        query.push(("per_page", "1"));
        let answer = self.transport.get("/v3/configs/config/logs", &query);
        let what = format!("reading the log of {config}");
        let told: Told = parse(&answer.await?, &what, Effect::Reads)?;
        Ok(told.logs.into_iter().next())
    }

    /// One page of the projects that our token sees; pages count from 1.
    pub(crate) async fn projects(&self, page: usize) -> Result<Vec<Project>> {
        #[derive(Deserialize)]
        struct Told {
            projects: Vec<Project>,
        }
        let (page, most) = (page.to_string(), PAGE.to_string());
        let query = [("page", page.as_str()), ("per_page", most.as_str())];
        let answer = self.transport.get("/v3/projects", &query).await?;
        let told: Told = parse(&answer, "listing projects", Effect::Reads)?;
        Ok(told.projects)
    }

    /// One page of a project's configs.
    pub(crate) async fn configs(&self, project: &str, page: usize) -> Result<Vec<Facts>> {
        #[derive(Deserialize)]
        struct Told {
            configs: Vec<Facts>,
        }
        let (page, most) = (page.to_string(), PAGE.to_string());
        let query = [
            ("project", project),
            ("page", page.as_str()),
            ("per_page", most.as_str()),
        ];
        let answer = self.transport.get("/v3/configs", &query).await?;
        let what = format!("listing the configs of {project}");
        let told: Told = parse(&answer, &what, Effect::Reads)?;
        Ok(told.configs)
    }
}

impl<'a> Config<'a> {
    /// The parameters that name it.
    pub(crate) fn query(self) -> [(&'static str, &'a str); 2] {
        [("project", self.project), ("config", self.config)]
    }
}

/// What a successful answer says. The parser's own words could quote a value, so that they are not passed on.
///
/// # Errors
/// The refusal that the answer is, or that it is not of the form that is documented.
pub(crate) fn parse<T: DeserializeOwned>(answer: &Answer, what: &str, effect: Effect) -> Result<T> {
    if !answer.is_success() {
        return Err(answer.refusal(what, effect));
    }
    serde_json::from_slice(&answer.body).map_err(|_| {
        let message = format!("{what}: the answer is not what Doppler documents: check `address`");
        match effect {
            Effect::Reads => Error::unavailable(message),
            Effect::Changes => Error::unknown_outcome(message),
        }
    })
}
