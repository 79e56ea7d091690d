//! Writing: announce, add, and with an alias: move it.

use crate::api::Api;
use crate::marks::{self, Note};
use crate::names::id;
use crate::standing::Standing;
use crate::store::GoogleStore;
use crate::trace::{Trace, follow};
use google_cloud_secretmanager_v1::model::Secret;
use keywheel_contract::{Error, ErrorKind, Result, VersionId, Write};

impl GoogleStore {
    /// Adds a version that readers of the alias do not see.
    pub(crate) async fn stage_version(&self, write: &Write<'_>) -> Result<u64> {
        let mut standing = self.opened(write).await?;
        match self.exactly(write, &standing).await? {
            Trace::Made(_, number) => Ok(number),
            Trace::Others => Err(others(write, &standing)),
            Trace::Nothing(_) => {
                self.ensure_base(write, &standing)?;
                self.api.add(&write.place.path, write.payload).await
            }
            Trace::Never => {
                self.ensure_base(write, &standing)?;
                self.announce(write, &mut standing).await?;
                self.api.add(&write.place.path, write.payload).await
            }
        }
    }

    /// Adds a version that readers of `latest` see at once, and those of numbers when they are told.
    pub(crate) async fn add_current(&self, write: &Write<'_>) -> Result<u64> {
        let path = &write.place.path;
        let mut standing = self.opened(write).await?;
        match self.exactly(write, &standing).await? {
            Trace::Made(_, number) => return Ok(number),
            Trace::Others => return Err(others(write, &standing)),
            Trace::Nothing(_) => self.ensure_base(write, &standing)?,
            Trace::Never => {
                self.ensure_base(write, &standing)?;
                self.announce(write, &mut standing).await?;
                self.ensure_still(write, &standing).await?;
            }
        }
        let number = self.api.add(path, write.payload).await?;
        if number > standing.newest + 1 {
            // Adding takes no etag, so that this cannot be prevented; what they added stays readable by number.
            tracing::warn!(
                secret = path,
                version = number,
                "somebody added a version at the same moment: ours is newer, and is what readers see"
            );
        }
        Ok(number)
    }

    /// Moves the alias to what was staged under this mark. Where nothing was, we are going back: to the version
    /// that has this content, or to a new one.
    pub(crate) async fn move_alias(&self, write: &Write<'_>, alias: &str) -> Result<u64> {
        let path = &write.place.path;
        let mut standing = self.opened(write).await?;
        let (note, number) = match self.exactly(write, &standing).await? {
            Trace::Others => return Err(others(write, &standing)),
            Trace::Made(note, number) => {
                if note.is.is_some() || standing.current_number() == Some(number) {
                    return Ok(number);
                }
                if note.over != standing.current_number().unwrap_or(0) {
                    return Err(others(write, &standing));
                }
                self.ensure_base(write, &standing)?;
                (note, number)
            }
            Trace::Nothing(note) => {
                self.ensure_base(write, &standing)?;
                let number = match self.kept(write).await? {
                    Some(number) => number,
                    None => self.api.add(path, write.payload).await?,
                };
                (note, number)
            }
            Trace::Never => {
                self.ensure_base(write, &standing)?;
                match self.kept(write).await? {
                    Some(number) => (note_on(&standing), number),
                    None => {
                        let note = self.announce(write, &mut standing).await?;
                        (note, self.api.add(path, write.payload).await?)
                    }
                }
            }
        };
        let promoted = Note {
            is: Some(number),
            ..note
        };
        self.point(write, &standing.secret, alias, number, &promoted)
            .await?;
        Ok(number)
    }

    /// One of the newest versions whose payload is exactly this.
    async fn kept(&self, write: &Write<'_>) -> Result<Option<u64>> {
        let path = &write.place.path;
        for version in self.api.recent(path).await? {
            let number = version.number;
            if version.is_enabled()
                && write
                    .payload
                    .matches(&self.api.access(path, &number.to_string()).await?.1)
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// The place, created with the announcement in it where it may be.
    async fn opened(&self, write: &Write<'_>) -> Result<Standing> {
        let path = &write.place.path;
        if let Some(standing) = self.standing(path).await? {
            return Ok(standing);
        }
        if !self.create {
            return Err(self.missing(path));
        }
        let first = Note {
            after: 0,
            over: 0,
            is: None,
        };
        let annotations = marks::with(&marks::Annotations::new(), write.mark, &first);
        let replication = (!self.regional).then(|| Api::replication(&self.replicas));
        match self.api.create(path, replication, annotations).await {
            Ok(secret) => Ok(Standing::empty(secret)),
            Err(error) if is_doubtful(&error) => {
                let now = self.noted(write, &first).await;
                now.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// What stands there, if this note is in it: a lost answer is settled at once where one look can do it.
    async fn noted(&self, write: &Write<'_>, note: &Note) -> Option<Standing> {
        let now = self.standing(&write.place.path).await.ok().flatten()?;
        let there = marks::noted(&now.secret.annotations, write.mark);
        (there.as_ref() == Some(note)).then_some(now)
    }

    async fn exactly(&self, write: &Write<'_>, standing: &Standing) -> Result<Trace> {
        let path = &write.place.path;
        let sent = |payload: &keywheel_contract::SecretValue| write.payload.matches(payload);
        follow(&self.api, path, standing, write.mark, sent).await
    }

    fn ensure_base(&self, write: &Write<'_>, standing: &Standing) -> Result<()> {
        standing.ensure_is(write.base, &self.selector, &write.place.path)
    }

    /// Notes the write under the record's etag, so that two of us cannot both go on from here.
    async fn announce(&self, write: &Write<'_>, standing: &mut Standing) -> Result<Note> {
        let note = note_on(standing);
        let annotations = marks::with(&standing.secret.annotations, write.mark, &note);
        let path = &write.place.path;
        let updated = self.api.update(path, &standing.secret, annotations, None);
        match updated.await {
            Ok(secret) => standing.secret = secret,
            Err(error) if is_doubtful(&error) => {
                let now = self.noted(write, &note).await;
                standing.secret = now.ok_or(error)?.secret;
            }
            Err(error) => return Err(error),
        }
        Ok(note)
    }

    /// Nobody added a version while we announced ours.
    async fn ensure_still(&self, write: &Write<'_>, standing: &Standing) -> Result<()> {
        let next = standing.newest + 1;
        match self.api.version(&write.place.path, next).await? {
            None => Ok(()),
            Some(_) => Err(Error::conflict(
                Some(id(next)),
                format!(
                    "somebody added version {next} of `{}` just before us",
                    write.place.path
                ),
            )),
        }
    }

    /// The alias and the note that it was moved, in one call under the etag of what was looked at.
    async fn point(
        &self,
        write: &Write<'_>,
        secret: &Secret,
        alias: &str,
        number: u64,
        note: &Note,
    ) -> Result<()> {
        let path = &write.place.path;
        let annotations = marks::with(&secret.annotations, write.mark, note);
        let to = i64::try_from(number)
            .map_err(|_| Error::invalid("the version's number is too large"))?;
        let mut aliases = secret.version_aliases.clone();
        aliases.insert(alias.to_owned(), to);
        let aliases = Some(aliases.into_iter().collect());
        let moved = self.api.update(path, secret, annotations, aliases).await;
        match moved {
            Err(error) if is_doubtful(&error) => {
                let now = self.noted(write, note).await;
                now.map(|_| ()).ok_or(error)
            }
            other => other.map(|_| ()),
        }
    }
}

/// Whether it may have been our own call, sent before, that stands in the way, or this one that was carried out.
fn is_doubtful(error: &Error) -> bool {
    matches!(
        error.kind,
        ErrorKind::UnknownOutcome | ErrorKind::Conflict { .. }
    )
}

fn note_on(standing: &Standing) -> Note {
    Note {
        after: standing.newest,
        over: standing.current_number().unwrap_or(0),
        is: None,
    }
}

fn others(write: &Write<'_>, standing: &Standing) -> Error {
    let seen: Option<VersionId> = standing.current_id();
    Error::conflict(
        seen,
        format!(
            "what stands in `{}` is not what this write was prepared on: somebody changed it since",
            write.place.path
        ),
    )
}
