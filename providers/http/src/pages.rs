//! Lists of one service, page after page.

use crate::body::Body;
use crate::pack::{Pages, Walk};
use crate::scope::{Scope, plain};
use crate::service::Service;
use crate::verdict::{self, Answer};
use keywheel_contract::{Error, Result};
use keywheel_http_client::Effect;
use reqwest::Url;
use serde_json::Value;

/// Most pages that are followed.
const MOST_PAGES: u32 = 1000;

/// Every page of a list. They may hold secrets and are wiped when dropped.
pub(crate) struct Listed {
    pages: Vec<Body>,
    items: String,
}

impl Listed {
    /// Every item, in the order of the service.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Value> {
        let pages = self.pages.iter();
        pages
            .filter_map(|page| page.value().pointer(&self.items)?.as_array())
            .flatten()
    }
}

impl Service {
    /// Every item of a list; `name` is the operation that it is for.
    ///
    /// # Errors
    /// A call fails, is answered by something that is no list, or there are too many pages.
    pub(crate) async fn listed(
        &self,
        name: &'static str,
        walk: Walk<'_>,
        scope: &mut Scope,
    ) -> Result<Listed> {
        let what = self.what(name);
        let mut pages = Vec::new();
        let mut page = first(walk.pages);
        for number in 1..=MOST_PAGES {
            let (answer, told) = self
                .answer(walk.call, "admin", Effect::Reads, scope, page.as_ref())
                .await?;
            if let Some(error) = verdict::error(&answer, told, &what, Effect::Reads) {
                return Err(error);
            }
            let next = next(walk.pages, &answer, walk.items, number, &self.base)?;
            let list = |body: &Body| {
                body.value()
                    .pointer(walk.items)
                    .is_some_and(Value::is_array)
            };
            let body = answer.body.filter(list);
            pages.push(body.ok_or_else(|| verdict::unreadable(&what, "list", Effect::Reads))?);
            match next {
                Some(next) => page = Some(next),
                None => {
                    let items = walk.items.to_owned();
                    return Ok(Listed { pages, items });
                }
            }
        }
        Err(Error::unavailable(format!(
            "{what}: more than {MOST_PAGES} pages"
        )))
    }
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
            let more = more.as_ref();
            let more = more.map(|more| at(more) == Some(&Value::Bool(true)));
            after_cursor(at(cursor).and_then(plain), more)?
                .map(|text| Asked::With(query.clone(), text))
        }
        Some(Pages::Number { query, first, step }) => {
            let page = at(items).and_then(Value::as_array);
            page.is_some_and(|page| !page.is_empty())
                .then(|| Asked::With(query.clone(), (first + number * step).to_string()))
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

/// Where the page after this one begins. A list that is cut off is not taken for a whole one.
fn after_cursor(cursor: Option<String>, more: Option<bool>) -> Result<Option<String>> {
    match (more, cursor.filter(|text| !text.is_empty())) {
        (Some(false), _) | (None, None) => Ok(None),
        (Some(true) | None, Some(text)) => Ok(Some(text)),
        (Some(true), None) => Err(Error::unavailable(
            "the list says that there is more of it, and not where: nothing is concluded from a part",
        )),
    }
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

#[cfg(test)]
mod tests {
    use super::{Asked, after_cursor, next, same_host};
    use crate::body::Body;
    use crate::pack::Pages;
    use crate::verdict::Answer;
    use keywheel_contract::Error;
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
            clock: None,
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
        assert_eq!(after(cursor, page(json!(null), false), None), None);
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
        let offset = "{ number = { query = 'offset', first = 0, step = 100 } }";
        let next = after(offset, json!({ "data": [1] }), None);
        assert_eq!(next.unwrap(), "offset=300");
        let link = Some("https://h.example.com/v1/k?page=2");
        assert_eq!(after("{ link = {} }", json!([]), link).as_deref(), link);
        assert_eq!(after("{ link = {} }", json!([]), None), None);
    }

    #[test]
    fn a_list_that_is_cut_off_is_not_taken_for_a_whole_one() {
        for (more, cursor, expected) in [
            (Some(true), Some("k9"), Ok(Some("k9"))),
            (Some(true), Some(""), Err("unavailable")),
            (Some(true), None, Err("unavailable")),
            (Some(false), Some("k9"), Ok(None)),
            (None, Some("k9"), Ok(Some("k9"))),
            (None, None, Ok(None)),
        ] {
            let next = after_cursor(cursor.map(str::to_owned), more);
            let next = next.as_ref().map(Option::as_deref);
            assert_eq!(next.map_err(Error::word), expected, "{more:?} {cursor:?}");
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
