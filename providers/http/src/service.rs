//! One service as its pack describes it: runs calls, follows pages, asks for tokens.

use crate::body::Body;
use crate::options::HttpOptions;
use crate::pack::{Call, Login, Outcome, Pack, Pages};
use crate::request::{effect, request, sign};
use crate::scope::{Scope, plain};
use crate::transport::Transport;
use crate::verdict::{self, Answer};
use keywheel_contract::{Error, ErrorKind, Result, SecretValue};
use keywheel_http_client::Effect;
use keywheel_reference::Reference;
use reqwest::{Request, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Most pages that are followed.
const MOST_PAGES: u32 = 1000;
/// A token is asked for anew so long before it ends.
const EARLY: Duration = Duration::from_secs(60);
/// A token is kept no longer, whatever the service says.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A service.
pub(crate) struct Service {
    pub(crate) pack: Pack,
    base: Url,
    transport: Transport,
    credentials: BTreeMap<String, Reference>,
    /// Credentials at hand, for a service that is played.
    pub(crate) given: BTreeMap<String, SecretValue>,
    folder: PathBuf,
    parameters: BTreeMap<String, Value>,
    /// By the name of the way to say who asks.
    tokens: Mutex<BTreeMap<String, (SecretValue, Instant)>>,
}

impl Service {
    /// # Errors
    /// `Invalid`: the options do not fit the pack.
    pub(crate) fn new(options: &HttpOptions, pack: Pack, folder: &Path) -> Result<Self> {
        let base = options.base(&pack)?;
        let ca_file = options.ca_file.as_ref().map(|file| folder.join(file));
        Ok(Self {
            transport: Transport::new(&base, ca_file.as_deref())?,
            parameters: options.filled(&pack)?,
            credentials: options.credentials.clone(),
            given: BTreeMap::new(),
            folder: folder.to_owned(),
            tokens: Mutex::default(),
            base,
            pack,
        })
    }

    /// What a credential's own calls may name: the pack's settings.
    pub(crate) fn outside(&self) -> Scope {
        let mut scope = Scope::now();
        for (name, value) in &self.parameters {
            scope.set(name, value.clone());
        }
        scope
    }

    /// The same with our own credentials, as they are now.
    pub(crate) async fn inside(&self) -> Result<Scope> {
        let mut scope = self.outside();
        for (name, reference) in &self.credentials {
            scope.keep(name, reference.read(&self.folder).await?);
        }
        for (name, value) in &self.given {
            scope.keep(name, value.duplicate());
        }
        Ok(scope)
    }

    /// Runs calls one after another. Where the first has changed something, a later one that fails leaves a doubt.
    pub(crate) async fn run(
        &self,
        name: &'static str,
        calls: &[Call],
        scope: &mut Scope,
    ) -> Result<()> {
        let mut changed = false;
        for call in calls {
            let done = self.step(name, call, scope).await;
            done.map_err(|error| if changed { doubtful(error) } else { error })?;
            changed |= effect(call) == Effect::Changes;
        }
        Ok(())
    }

    /// Runs calls that end something: what is gone already is ended.
    pub(crate) async fn end(
        &self,
        name: &'static str,
        calls: &[Call],
        scope: &mut Scope,
    ) -> Result<()> {
        for call in calls {
            match self.step(name, call, scope).await {
                Err(error) if error.kind == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }

    async fn step(&self, name: &'static str, call: &Call, scope: &mut Scope) -> Result<()> {
        let (answer, told) = self
            .answer(call, "admin", effect(call), scope, None)
            .await?;
        let (what, effect) = (self.what(name), effect(call));
        if let Some(error) = verdict::error(&answer, told, &what, effect) {
            return Err(error);
        }
        self.take(call, &answer, scope)
            .map_err(|missing| verdict::unreadable(&what, &missing, effect))
    }

    /// One answer, with what its rules say; `auth` unless the call says otherwise.
    pub(crate) async fn answer(
        &self,
        call: &Call,
        auth: &str,
        effect: Effect,
        scope: &mut Scope,
        page: Option<&Asked>,
    ) -> Result<(Answer, Option<Outcome>)> {
        let mut built = match page {
            Some(Asked::At(url)) => Request::new(reqwest::Method::GET, url.clone()),
            Some(Asked::With(name, value)) => {
                request(&self.base, call, scope, Some((name, value)))?
            }
            None => request(&self.base, call, scope, None)?,
        };
        let auth = call.auth.as_deref().unwrap_or(auth);
        self.sign(&mut built, auth, scope).await?;
        let answer = self.transport.send(built, effect).await?;
        if matches!(answer.status, 401 | 403) {
            // The next call logs in again: the token may have been ended, or made before a right was given.
            self.tokens.lock().await.remove(auth);
        }
        let told = verdict::judge(&answer, call.outcomes.iter().chain(&self.pack.outcomes));
        Ok((answer, told))
    }

    /// Keeps what a call takes of its answer.
    ///
    /// # Errors
    /// What is missing there.
    pub(crate) fn take(
        &self,
        call: &Call,
        answer: &Answer,
        scope: &mut Scope,
    ) -> std::result::Result<(), String> {
        for (name, pointer) in &call.take {
            let body = answer.body.as_ref();
            if self.pack.fields.contains_key(name) {
                let secret = body
                    .and_then(|body| body.secret(pointer))
                    .filter(|one| !one.is_empty());
                scope.keep(name, secret.ok_or_else(|| format!("`{pointer}`"))?);
            } else {
                let value = body
                    .and_then(|body| body.value().pointer(pointer))
                    .filter(|one| !one.is_null());
                scope.set(name, value.ok_or_else(|| format!("`{pointer}`"))?.clone());
            }
        }
        Ok(())
    }

    /// Every page of a list. They may hold secrets and are wiped when dropped.
    pub(crate) async fn pages(
        &self,
        name: &'static str,
        call: &Call,
        items: &str,
        pages: Option<&Pages>,
        scope: &mut Scope,
    ) -> Result<Vec<Body>> {
        let mut all = Vec::new();
        let mut page = first(pages);
        for number in 1..=MOST_PAGES {
            let (answer, told) = self
                .answer(call, "admin", Effect::Reads, scope, page.as_ref())
                .await?;
            let what = self.what(name);
            if let Some(error) = verdict::error(&answer, told, &what, Effect::Reads) {
                return Err(error);
            }
            let next = next(pages, &answer, items, number, &self.base)?;
            let body = answer
                .body
                .filter(|body| body.value().pointer(items).is_some_and(Value::is_array));
            all.push(body.ok_or_else(|| verdict::unreadable(&what, "list", Effect::Reads))?);
            match next {
                Some(next) => page = Some(next),
                None => return Ok(all),
            }
        }
        Err(Error::unavailable(format!(
            "{}: more than {MOST_PAGES} pages",
            self.what(name)
        )))
    }

    /// How messages name an operation.
    pub(crate) fn what(&self, name: &str) -> String {
        format!("{}: {name}", self.pack.name)
    }

    async fn sign(&self, request: &mut Request, auth: &str, scope: &mut Scope) -> Result<()> {
        let Some(known) = self.pack.auth.get(auth) else {
            return Ok(());
        };
        if let Some(login) = &known.login {
            scope.keep("token", self.token(auth, login, scope).await?);
        }
        let signed = sign(request, known, scope);
        scope.take("token");
        signed
    }

    /// A token that still lives, else a new one.
    async fn token(&self, auth: &str, login: &Login, scope: &Scope) -> Result<SecretValue> {
        let mut tokens = self.tokens.lock().await;
        if let Some((token, until)) = tokens.get(auth)
            && Instant::now() + EARLY < *until
        {
            return Ok(token.duplicate());
        }
        let what = self.what("login");
        let asked = request(&self.base, &login.call, scope, None)?;
        let answer = self.transport.send(asked, Effect::Reads).await?;
        let told = verdict::judge(&answer, &login.call.outcomes);
        if let Some(error) = verdict::error(&answer, told, &what, Effect::Reads) {
            return Err(error);
        }
        let body = answer.body.as_ref();
        let token = body.and_then(|body| body.secret(&login.token));
        let token = token.ok_or_else(|| verdict::unreadable(&what, "token", Effect::Reads))?;
        let lives = body.and_then(|body| body.value().pointer(&login.lives)?.as_u64());
        let until = Instant::now() + kept(lives);
        tokens.insert(auth.to_owned(), (token.duplicate(), until));
        Ok(token)
    }
}

/// How long a token is kept that the service says to live for so many seconds.
fn kept(lives: Option<u64>) -> Duration {
    Duration::from_secs(lives.unwrap_or(0)).min(LONGEST)
}

/// Which page is asked for.
pub(crate) enum Asked {
    /// By a parameter of the query.
    With(String, String),
    /// At an address.
    At(Url),
}

fn first(pages: Option<&Pages>) -> Option<Asked> {
    match pages {
        Some(Pages::Number { query, first, .. }) => {
            Some(Asked::With(query.clone(), first.to_string()))
        }
        Some(Pages::Cursor { .. } | Pages::Address { .. } | Pages::Link {}) | None => None,
    }
}

/// The page after this one, the `number`th that was asked for; `None` after the last.
fn next(
    pages: Option<&Pages>,
    answer: &Answer,
    items: &str,
    number: u32,
    base: &Url,
) -> Result<Option<Asked>> {
    let body = answer.body.as_ref().map(Body::value);
    let at = |pointer: &str| body.and_then(|body| last_pointed(body, pointer));
    Ok(match pages {
        None => None,
        Some(Pages::Cursor {
            query,
            at: cursor,
            more,
        }) => {
            let ends = more
                .as_ref()
                .is_some_and(|more| at(more) != Some(&Value::Bool(true)));
            let cursor = at(cursor)
                .and_then(plain)
                .filter(|text| !text.is_empty() && !ends);
            cursor.map(|text| Asked::With(query.clone(), text))
        }
        Some(Pages::Number { query, first }) => {
            let page = at(items).and_then(Value::as_array);
            page.is_some_and(|page| !page.is_empty())
                .then(|| Asked::With(query.clone(), (first + number).to_string()))
        }
        Some(Pages::Address { at: address }) => at(address)
            .and_then(Value::as_str)
            .filter(|link| !link.is_empty())
            .map(|link| same_host(base, link))
            .transpose()?,
        Some(Pages::Link {}) => answer
            .next
            .as_deref()
            .map(|link| same_host(base, link))
            .transpose()?,
    })
}

/// What a JSON pointer points to; `-` is the last item of a list.
fn last_pointed<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    match pointer.split_once("/-") {
        None => value.pointer(pointer),
        Some((list, rest)) => value.pointer(list)?.as_array()?.last()?.pointer(rest),
    }
}

/// Our credential goes where it went before, and nowhere else.
fn same_host(base: &Url, link: &str) -> Result<Asked> {
    let url = base
        .join(link)
        .ok()
        .filter(|url| url.origin() == base.origin());
    let url = url.ok_or_else(|| {
        Error::unavailable("the next page is at another host, which is never asked")
    })?;
    Ok(Asked::At(url))
}

/// Something was changed already, so that nobody may take the whole for not done.
fn doubtful(error: Error) -> Error {
    Error::unknown_outcome(format!("{}, after a part of it was done", error.message))
}

#[cfg(test)]
mod tests {
    use super::{Asked, LONGEST, kept, next, same_host};
    use crate::body::Body;
    use crate::pack::Pages;
    use crate::verdict::Answer;
    use reqwest::Url;
    use serde_json::{Value, json};

    fn after(pages: &str, body: Value, link: Option<&str>) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Written {
            pages: Pages,
        }
        let written: Written = toml::from_str(&format!("pages = {pages}")).unwrap();
        let answer = Answer {
            status: 200,
            retry_after: None,
            spent: false,
            next: link.map(str::to_owned),
            empty: false,
            body: Some(Body::new(body)),
        };
        let base = Url::parse("https://h.example.com/v1").unwrap();
        let next = next(Some(&written.pages), &answer, "/data", 3, &base).unwrap();
        next.map(|asked| match asked {
            Asked::With(name, value) => format!("{name}={value}"),
            Asked::At(url) => url.to_string(),
        })
    }

    #[test]
    fn each_way_has_its_next_page_and_its_end() {
        let cursor = "{ cursor = { query = 'after', at = '/last', more = '/more' } }";
        let page = |last: Value, more: bool| json!({ "last": last, "more": more });
        assert_eq!(
            after(cursor, page(json!("k9"), true), None).unwrap(),
            "after=k9"
        );
        assert_eq!(after(cursor, page(json!("k9"), false), None), None);
        assert_eq!(after(cursor, page(json!(null), true), None), None);
        let last = "{ cursor = { query = 'after', at = '/data/-/id' } }";
        assert_eq!(
            after(
                last,
                json!({ "data": [{ "id": "a" }, { "id": "b" }] }),
                None
            )
            .unwrap(),
            "after=b"
        );
        assert_eq!(after(last, json!({ "data": [] }), None), None);
        let address = "{ address = { at = '/next' } }";
        let next = after(address, json!({ "next": "/v1/k?Page=1" }), None);
        assert_eq!(next.unwrap(), "https://h.example.com/v1/k?Page=1");
        assert_eq!(after(address, json!({ "next": null }), None), None);
        let number = "{ number = { query = 'page', first = 1 } }";
        assert_eq!(
            after(number, json!({ "data": [1, 2] }), None).unwrap(),
            "page=4"
        );
        assert_eq!(after(number, json!({ "data": [] }), None), None);
        let link = Some("https://h.example.com/v1/k?page=2");
        assert_eq!(after("{ link = {} }", json!([]), link).as_deref(), link);
        assert_eq!(after("{ link = {} }", json!([]), None), None);
    }

    #[test]
    fn a_token_is_kept_for_a_day_at_most() {
        for (lives, seconds) in [
            (None, 0),
            (Some(300), 300),
            (Some(u64::MAX), LONGEST.as_secs()),
        ] {
            assert_eq!(kept(lives).as_secs(), seconds);
        }
    }

    #[test]
    fn a_page_elsewhere_is_never_asked_for() {
        let base = Url::parse("https://h.example.com/v1").unwrap();
        assert!(same_host(&base, "/v1/k?page=2").is_ok());
        for wrong in [
            "https://other.example.com/",
            "http://h.example.com/",
            "//other.example.com/",
        ] {
            assert!(same_host(&base, wrong).is_err(), "{wrong}");
        }
    }
}
