//! Whether rotations would work here, and what there is: by calls that change nothing.

use crate::names::last;
use crate::standing::{MOST_ALIASES, native_rotation};
use crate::store::GoogleStore;
use google_cloud_secretmanager_v1::model::Secret;
use keywheel_contract::{
    Examination, Finding, Listed, Page, Place, Result, SecretStore as _, Verdict, seen,
};

/// Everything that a rotation calls; the same as in `role.yaml`.
const NEEDED: &[&str] = &[
    "secretmanager.secrets.get",
    "secretmanager.secrets.update",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.destroy",
    "secretmanager.versions.disable",
    "secretmanager.versions.enable",
    "secretmanager.versions.get",
    "secretmanager.versions.list",
];
/// The custom role with exactly these.
const ROLE: &str = include_str!("../role.yaml");

impl GoogleStore {
    pub(crate) async fn look_at(&self, places: &[Place]) -> Examination {
        let mut findings = vec![self.who().await];
        if let Some(first) = places.first() {
            findings.push(self.clock(&first.path).await);
        }
        for place in places {
            let seen_now = self.inspect(place).await;
            let warnings = match &seen_now {
                Ok(seen) => seen.warnings.clone(),
                Err(_) => Vec::new(),
            };
            let to_be_made = self.create && matches!(&seen_now, Ok(now) if now.current.is_none());
            findings.push(seen(place, seen_now));
            for warning in warnings {
                let about = format!("warning: {}", place.path);
                findings.push(Finding::new(about, Verdict::Warning, warning));
            }
            findings.extend(self.permissions(&place.path, to_be_made).await);
            findings.extend(self.headroom(&place.path).await);
        }
        Examination {
            findings,
            policy: Some(self.policy(places).await),
        }
    }

    async fn who(&self) -> Finding {
        let (verdict, detail) = match self.api.client.identity().await {
            Ok(Some(name)) => (Verdict::Good, name),
            Ok(None) => (
                Verdict::Unproven,
                "whom the application default credentials name is not asked".to_owned(),
            ),
            Err(error) => (Verdict::Missing, error.message),
        };
        Finding::new("identity", verdict, detail)
    }

    async fn clock(&self, path: &str) -> Finding {
        let now = std::time::SystemTime::now();
        let date = self.api.date(path).await.ok().flatten();
        let theirs = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(&date).ok());
        let ours = chrono::DateTime::<chrono::Utc>::from(now);
        let (verdict, detail) = match theirs.map(|theirs| (ours - theirs.to_utc()).num_seconds()) {
            None => (Verdict::Unproven, "the service told no time".to_owned()),
            Some(apart) if apart.abs() <= 60 => (Verdict::Good, format!("{apart} s apart")),
            Some(apart) => (
                Verdict::Warning,
                format!(
                    "this machine and the service are {apart} s apart: access tokens may be refused"
                ),
            ),
        };
        Finding::new("clock", verdict, detail)
    }

    /// By the service's own test, one finding for each that is missing. Of a secret that is not there it tells
    /// nothing, and neither does `create`, which belongs to the project.
    async fn permissions(&self, path: &str, to_be_made: bool) -> Vec<Finding> {
        let about = |one: &str| format!("permission {one}: {path}");
        let granted = match self.api.granted(path, NEEDED).await {
            Ok(granted) => granted,
            Err(error) => {
                return vec![Finding::new(
                    about("test"),
                    Verdict::Unproven,
                    error.message,
                )];
            }
        };
        if granted.is_empty() && to_be_made {
            let why = "the service tells nothing of a secret that is still to be created";
            return vec![Finding::new(about("all"), Verdict::Unproven, why)];
        }
        if granted.is_empty() {
            let why = "none of the permissions is granted, or there is no such secret";
            return vec![Finding::new(about("all"), Verdict::Missing, why)];
        }
        let missing = NEEDED
            .iter()
            .filter(|one| !granted.iter().any(|g| g == **one));
        let missing: Vec<Finding> = missing
            .map(|one| Finding::new(about(one), Verdict::Missing, "not granted"))
            .collect();
        match missing.is_empty() {
            true => vec![Finding::new(about("all"), Verdict::Good, "granted")],
            false => missing,
        }
    }

    async fn headroom(&self, path: &str) -> Option<Finding> {
        let secret = self.api.secret(path).await.ok()??;
        let aliases = secret.version_aliases.len();
        let theirs = crate::marks::theirs(&secret.annotations);
        let detail =
            format!("{aliases} of {MOST_ALIASES} aliases, {theirs} bytes of other annotations");
        let about = format!("headroom: {path}");
        let verdict = match crate::marks::ensure_room(path, &secret.annotations) {
            Ok(()) => Verdict::Good,
            Err(_) => Verdict::Missing,
        };
        Some(Finding::new(about, verdict, detail))
    }

    /// The role once, and its binding to each secret: rights on nothing else.
    async fn policy(&self, places: &[Place]) -> String {
        let project = &self.project;
        let who = self.api.client.identity().await.ok().flatten();
        let member = who
            .filter(|name| name.contains('@'))
            .unwrap_or_else(|| "EMAIL".to_owned());
        let region = match &self.location {
            Some(location) => format!(" --location={location}"),
            None => String::new(),
        };
        let mut lines = format!(
            "# role.yaml\n{ROLE}\n# type\n\
             gcloud iam roles create keywheelRotator --project={project} --file=role.yaml\n"
        );
        if self.create {
            lines.push_str(&format!(
                "# `create = true`: this right is the project's\n\
                 gcloud iam roles create keywheelCreator --project={project} \
                 --permissions=secretmanager.secrets.create\n\
                 gcloud projects add-iam-policy-binding {project} \
                 --member=serviceAccount:{member} --role=projects/{project}/roles/keywheelCreator\n"
            ));
        }
        for place in places {
            lines.push_str(&format!(
                "gcloud secrets add-iam-policy-binding {} --project={project}{region} \
                 --member=serviceAccount:{member} --role=projects/{project}/roles/keywheelRotator\n",
                place.path
            ));
        }
        lines
    }

    pub(crate) async fn page(&self, after: Option<&str>) -> Result<Page> {
        let page = self.api.secrets(after).await?;
        Ok(Page {
            entries: page.secrets.iter().map(listed).collect(),
            next: Some(page.next_page_token).filter(|token| !token.is_empty()),
        })
    }
}

/// When its content changed is not part of a secret's record: only its versions have dates.
fn listed(secret: &Secret) -> Listed {
    let labels = secret.labels.iter();
    Listed {
        path: last(&secret.name).to_owned(),
        fields: Vec::new(),
        tags: labels.map(|(k, v)| (k.clone(), v.clone())).collect(),
        written_at_ms: None,
        natively_managed_by: native_rotation(secret),
    }
}
