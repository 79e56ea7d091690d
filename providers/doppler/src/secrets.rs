//! Reading and saving the secrets of a config.

use crate::api::{Api, parse};
use crate::place::Config;
use keywheel_contract::{Error, Fields, Result, SecretValue};
use keywheel_http_client::Effect;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const SECRETS: &str = "/v3/configs/config/secrets";

/// Our secrets of a config, as they are stored. One that is not there is left out.
pub(crate) struct Standing {
    /// The stored texts: what a save is compared with.
    pub(crate) raw: Fields,
    /// Names of those from which consumers get another text, for they refer to other secrets.
    pub(crate) referring: Vec<String>,
}

/// What became of a save.
pub(crate) enum Saved {
    /// What was sent is what stands there.
    Done,
    /// The service took it, and says something else of what stands there now.
    Otherwise,
    /// Nothing was done, for only a change request may.
    NeedsReview,
    /// Nothing was done, for what it said; such as a secret that has another value than expected.
    Refused(Error),
}

#[derive(Deserialize)]
struct Told {
    secrets: BTreeMap<String, Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    #[serde(default)]
    raw: Option<Text>,
    #[serde(default)]
    computed: Option<Text>,
    #[serde(default)]
    raw_visibility: Option<String>,
}

/// A value on its way in.
struct Text(SecretValue);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretValue::from(text)))
    }
}

#[derive(Serialize)]
struct Save<'a> {
    project: &'a str,
    config: &'a str,
    change_requests: Vec<Change<'a>>,
}

/// One secret of a save. Its visibility and note stay as they are.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    name: &'a str,
    original_name: Option<&'a str>,
    value: &'a str,
    original_value: Option<&'a str>,
}

impl Api {
    /// Our secrets as they are stored now.
    pub(crate) async fn standing(&self, config: Config<'_>, names: &[String]) -> Result<Standing> {
        let wanted = names.join(",");
        let mut query = config.query().to_vec();
        query.push(("secrets", wanted.as_str()));
        query.push(("include_managed_secrets", "false"));
        let answer = self.transport.get(SECRETS, &query).await?;
        let what = format!("reading {config}");
        let told: Told = parse(&answer, &what, Effect::Reads)?;
        standing(config, names, told)
    }

    /// Replaces exactly what was seen; all or nothing.
    ///
    /// # Errors
    /// Nothing was done, or nobody knows.
    pub(crate) async fn save(
        &self,
        config: Config<'_>,
        sent: &Fields,
        seen: &Standing,
    ) -> Result<Saved> {
        let what = format!("saving {config}");
        let answer = self.transport.post(SECRETS, body(config, sent, &seen.raw)?);
        let answer = answer.await?;
        if answer.demands_review() {
            return Ok(Saved::NeedsReview);
        }
        if answer.is_refused() {
            return Ok(Saved::Refused(answer.refusal(&what, Effect::Changes)));
        }
        let told: Told = parse(&answer, &what, Effect::Changes)?;
        let as_sent = |(name, value): (&str, &SecretValue)| {
            let raw = told.secrets.get(name).and_then(|told| told.raw.as_ref());
            raw.is_some_and(|raw| raw.0.matches(value))
        };
        Ok(match sent.iter().all(as_sent) {
            true => Saved::Done,
            false => Saved::Otherwise,
        })
    }
}

fn standing(config: Config<'_>, names: &[String], mut told: Told) -> Result<Standing> {
    let mut standing = Standing {
        raw: Fields::new(),
        referring: Vec::new(),
    };
    for name in names {
        let Some(secret) = told.secrets.remove(name) else {
            continue;
        };
        match (secret.raw, secret.computed) {
            (Some(raw), computed) => {
                if computed.is_some_and(|computed| !computed.0.matches(&raw.0)) {
                    standing.referring.push(name.clone());
                }
                standing.raw.insert(name.clone(), raw.0);
            }
            // What is not there may be told with neither value nor visibility.
            (None, None) if secret.raw_visibility.is_none() => {}
            (None, _) => {
                return Err(Error::invalid(format!(
                    "`{name}` of {config} is restricted, and not shown to the token of a person: use a service \
                     token or a service account's"
                )));
            }
        }
    }
    Ok(standing)
}

fn body(config: Config<'_>, sent: &Fields, seen: &Fields) -> Result<Zeroizing<Vec<u8>>> {
    let mut changes = Vec::new();
    for (name, value) in sent.iter() {
        let original = seen.field(name);
        changes.push(Change {
            name,
            original_name: original.map(|_| name),
            value: text(name, value)?,
            original_value: original.map(|value| text(name, value)).transpose()?,
        });
    }
    let each = |change: &Change<'_>| {
        change.value.len() + change.original_value.map_or(0, str::len) + change.name.len()
    };
    let texts = changes.iter().map(each).sum();
    let save = Save {
        project: config.project,
        config: config.config,
        change_requests: changes,
    };
    json(&save, texts)
}

pub(crate) fn text<'a>(name: &str, value: &'a SecretValue) -> Result<&'a str> {
    let text = value.expose_secret_str();
    text.ok_or_else(|| Error::invalid(format!("`{name}` is not UTF-8 text")))
}

/// Room for everything first, values that are escaped character by character too: a buffer that grows would leave
/// parts of it behind in memory.
pub(crate) fn json(value: &impl Serialize, texts: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 * texts + 4096));
    serde_json::to_writer(&mut *bytes, value)
        .map_err(|_| Error::invalid("our secrets cannot be written as JSON"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Told, body, standing};
    use crate::place::Config;
    use keywheel_contract::{Fields, SecretValue};
    use serde_json::{Value, json};

    const CONFIG: Config<'_> = Config {
        project: "p",
        config: "c",
    };

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pair = |(name, text): &(&str, &str)| {
            ((*name).to_owned(), SecretValue::from((*text).to_owned()))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_save_names_what_it_replaces() {
        let (sent, seen) = (
            fields(&[("A", "new\"1"), ("B", "new2")]),
            fields(&[("A", "${OLD}")]),
        );
        let bytes = body(CONFIG, &sent, &seen).unwrap();
        assert!(bytes.len() < bytes.capacity());
        let sent: Value = serde_json::from_slice(&bytes).unwrap();
        let changes = json!([
            { "name": "A", "originalName": "A", "value": "new\"1", "originalValue": "${OLD}" },
            { "name": "B", "originalName": null, "value": "new2", "originalValue": null },
        ]);
        let whole = json!({ "project": "p", "config": "c", "change_requests": changes });
        assert_eq!(sent, whole);
    }

    #[test]
    fn what_is_hidden_is_not_taken_for_absent() {
        let told = |secret: Value| -> Told {
            serde_json::from_value(json!({ "secrets": { "A": secret } })).unwrap()
        };
        let names = ["A".to_owned(), "B".to_owned()];
        let there = told(json!({ "raw": "${B}", "computed": "b", "note": "" }));
        let there = standing(CONFIG, &names, there).unwrap();
        assert_eq!(
            (there.raw.len(), there.referring),
            (1, vec!["A".to_owned()])
        );
        let nothing = told(json!({ "raw": null, "computed": null, "note": "" }));
        assert!(standing(CONFIG, &names, nothing).unwrap().raw.is_empty());
        let hidden = told(json!({ "raw": null, "computed": null, "rawVisibility": "restricted" }));
        let refused = standing(CONFIG, &names, hidden).err().unwrap();
        assert!(refused.message.contains("service token"), "{refused}");
    }
}
