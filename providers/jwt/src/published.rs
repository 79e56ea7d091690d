//! The file with the set, and the address at which verifiers fetch it.

use crate::jwks::{Jwks, Standing};
use crate::options::JwtKeyOptions;
use keywheel_contract::{Error, ErrorKind, Result, SecretValue};
use keywheel_host_files::{Seen, Target, blocking, refused};
use keywheel_http_client::{Effect, bounded_to, broken, finished, whole};
use reqwest::{Client, Url};
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// No set is larger.
const LARGEST: usize = 1 << 20;

/// The set, where it is written and where it is read.
pub(crate) struct Published {
    file: SetFile,
    url: Option<(Client, Url)>,
    cache_ms: i64,
    life_ms: i64,
}

/// The file. It has to be there: nobody but its owner knows which owner and mode it should have.
#[derive(Clone)]
struct SetFile(PathBuf);

impl Published {
    pub(crate) fn new(options: &JwtKeyOptions, base: &Path) -> Result<Self> {
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        let url = options.address()?.map(|url| {
            let client = finished(bounded_to(&url, ca_file.as_deref())?)?;
            Ok((client, url))
        });
        Ok(Self {
            file: SetFile(base.join(&options.jwks_file)),
            url: url.transpose()?,
            cache_ms: options.cache_time.millis(),
            life_ms: options.token_life.millis(),
        })
    }

    /// Where a key stands in the file now.
    pub(crate) async fn standing(&self, name: &str) -> Result<Standing> {
        Ok(self.file.read().await?.0.standing(name))
    }

    /// Where a key stands for every verifier.
    ///
    /// # Errors
    /// `Throttled` until the file has stood for `cache_time`; `Unavailable`: its address shows something else still.
    pub(crate) async fn in_force(&self, name: &str) -> Result<Standing> {
        let (set, since_ms) = self.file.read().await?;
        if let Some(left) = positive(since_ms.saturating_add(self.cache_ms) - now_ms()) {
            let message = format!(
                "`{}` has changed: the last verifier sees it in {} s",
                self.file.shown(),
                seconds(left)
            );
            return Err(wait(left, message));
        }
        let standing = set.standing(name);
        if let Some((client, url)) = &self.url {
            let shown = fetched(client, url).await?.standing(name);
            if (shown == Standing::Published) != (standing == Standing::Published) {
                return Err(Error::unavailable(format!(
                    "{url} does not show what stands in `{}`, though that lies there for longer than `cache_time`",
                    self.file.shown()
                )));
            }
        }
        Ok(standing)
    }

    /// Whether the file could be swapped, and its address answers with a set; nothing is changed.
    pub(crate) async fn ensure_usable(&self) -> Result<()> {
        let file = self.file.clone();
        blocking(move || {
            file.seen(&file.open()?)?;
            let folder = file.folder();
            access(folder, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| refused("write into folder", &folder.display().to_string(), error))
        })
        .await?;
        self.file.read().await?;
        match &self.url {
            Some((client, url)) => fetched(client, url).await.map(drop),
            None => Ok(()),
        }
    }

    /// Swaps the file for another one. Nothing is written where nothing changes: the time of the file counts.
    pub(crate) async fn change(
        &self,
        change: impl FnOnce(Jwks) -> Result<Jwks> + Send + 'static,
    ) -> Result<()> {
        let file = self.file.clone();
        blocking(move || {
            let target = file.open()?;
            target.lock()?;
            let seen = file.seen(&target)?;
            let before = Jwks::read(seen.bytes.expose_secret())?;
            let after = change(before.clone())?;
            match after == before {
                true => Ok(()),
                false => target.replace(Some(&seen), &SecretValue::new(after.written())),
            }
        })
        .await
    }

    /// Takes a key away. One that verifiers still take, as after a rollback, has signed tokens a moment ago: it stays
    /// for as long as they live, and is told to wait until then.
    ///
    /// # Errors
    /// `Throttled` until then.
    pub(crate) async fn end(&self, name: &str) -> Result<()> {
        let (set, _) = self.file.read().await?;
        if set.standing(name) == Standing::Published && self.life_ms > 0 {
            let (now, owned) = (now_ms(), name.to_owned());
            self.change(move |set| Ok(set.retiring(&owned, now)))
                .await?;
            let since = set.retiring_since(name).unwrap_or(now);
            if let Some(left) = positive(since + self.life_ms - now) {
                let message = format!(
                    "tokens signed with {name} are valid for {} s more",
                    seconds(left)
                );
                return Err(wait(left, message));
            }
        }
        let owned = name.to_owned();
        self.change(move |set| Ok(set.without(&owned))).await
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        self.file.shown()
    }
}

impl SetFile {
    fn shown(&self) -> String {
        self.0.display().to_string()
    }

    fn folder(&self) -> &Path {
        self.0.parent().unwrap_or(Path::new("."))
    }

    fn open(&self) -> Result<Target> {
        let name = self.0.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::invalid("`jwks_file` names no file"))?;
        Target::open(self.folder(), name)
    }

    fn seen(&self, target: &Target) -> Result<Seen> {
        target.look()?.ok_or_else(|| {
            Error::not_found(format!(
                "`{}` does not exist: create it with `{{\"keys\": []}}`, or with the key in use, as the web server \
                 may read it",
                self.shown()
            ))
        })
    }

    /// The set, and since when it lies there, in epoch milliseconds.
    async fn read(&self) -> Result<(Jwks, i64)> {
        let file = self.clone();
        blocking(move || {
            let seen = file.seen(&file.open()?)?;
            let set = Jwks::read(seen.bytes.expose_secret())?;
            Ok((set, seen.here_since_ms().unwrap_or(i64::MAX)))
        })
        .await
    }
}

async fn fetched(client: &Client, url: &Url) -> Result<Jwks> {
    let shown = url.as_str();
    let lost = |error: reqwest::Error| broken(shown, &error, Effect::Reads);
    let answer = client.get(url.clone()).send().await.map_err(lost)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(Error::unavailable(format!(
            "{shown} answers {} instead of a set of keys",
            status.as_u16()
        )));
    }
    let body = whole(answer, LARGEST).await.map_err(lost)?;
    Jwks::read(&body).map_err(|error| Error::unavailable(format!("{shown}: {error}")))
}

fn wait(left: Duration, message: String) -> Error {
    Error::new(ErrorKind::Throttled { after: Some(left) }, message)
}

/// For people: a wait of half a second is one.
fn seconds(left: Duration) -> u128 {
    left.as_millis().div_ceil(1000)
}

fn positive(left_ms: i64) -> Option<Duration> {
    let left = u64::try_from(left_ms).ok().filter(|left| *left > 0);
    left.map(Duration::from_millis)
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
