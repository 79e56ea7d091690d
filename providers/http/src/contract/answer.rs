//! What a played service answers.

use super::matching::{Asked, Found};
use super::proof;
use super::world::{ACTIVE, DISABLED, ENDED, Made, World, written};
use crate::body::{filled, played};
use crate::pack::{Does, Pack, Paging, Route};
use crate::scope::Scope;
use keywheel_contract::Result;
use serde_json::Value;

/// Items on a page.
const PAGE: usize = 2;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) text: String,
}

impl Answer {
    /// There is nothing of this kind.
    pub(super) fn nothing() -> Self {
        Self::said(501, &Value::from("example: nothing here is called so"))
    }

    /// A page for people.
    pub(super) fn page(status: u16) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/html".to_owned())],
            text: "<html><body>example of a page for people</body></html>".to_owned(),
        }
    }

    fn said(status: u16, body: &Value) -> Self {
        let empty = body.is_null() || body.as_str() == Some("");
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            text: if empty {
                String::new()
            } else {
                body.to_string()
            },
        }
    }

    fn fixed((status, body): &(u16, Value)) -> Self {
        Self::said(*status, body)
    }

    /// Takes whatever is called so out of the body.
    pub(super) fn leave_out(&mut self, name: &str) {
        if let Ok(mut body) = serde_json::from_str(&self.text) {
            without(&mut body, name);
            self.text = body.to_string();
        }
    }
}

fn without(value: &mut Value, name: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| without(item, name)),
        Value::Object(fields) => {
            fields.remove(name);
            fields.values_mut().for_each(|field| without(field, name));
        }
        _ => {}
    }
}

/// Finds the route, sees who asks, and does what it says.
pub(super) fn answer(pack: &Pack, world: &mut World, asked: &Asked) -> Answer {
    let contract = &pack.contract;
    let on = contract
        .routes
        .iter()
        .filter_map(|route| Some((route, asked.on(route)?)));
    let on: Vec<(&Route, Found)> = on.collect();
    if on.is_empty() {
        return Answer::nothing();
    }
    let brought = on.into_iter().find_map(|(route, mut found)| {
        found.extend(asked.brings(route)?);
        Some((route, found))
    });
    let Some((route, mut found)) = brought else {
        return Answer::said(400, &Value::from("example: the body is not as described"));
    };
    if route.auth != "none" {
        let gate = contract.auth.get(&route.auth);
        let Some(shown) = gate.and_then(|gate| asked.shows(gate)) else {
            return Answer::fixed(&contract.refused);
        };
        if shown
            .get("token")
            .is_some_and(|token| !world.tokens.contains(token))
        {
            return Answer::fixed(&contract.refused);
        }
        found.extend(shown);
        if !gate.is_some_and(|gate| proof::holds(pack, world, asked, gate, &found)) {
            return Answer::fixed(&contract.refused);
        }
    }
    done(pack, world, asked, route, found)
}

fn done(pack: &Pack, world: &mut World, asked: &Asked, route: &Route, found: Found) -> Answer {
    let contract = &pack.contract;
    match route.does {
        Does::List | Does::Uses => return list(pack, world, asked, route),
        Does::Login => return login(pack, world, route),
        Does::Create | Does::Replace => return create(pack, world, route, found),
        Does::Use | Does::Look | Does::Set | Does::End | Does::Rotate => {}
    }
    let Some(at) = named(pack, world, route, &found) else {
        return Answer::fixed(if route.does == Does::Use {
            &contract.refused
        } else {
            &contract.missing
        });
    };
    let key = &mut world.keys[at];
    if let Some((state, status, body)) = route
        .needs
        .as_ref()
        .filter(|(state, ..)| state != key.state)
    {
        return Answer::said(
            *status,
            &spoken(pack, body, &key.scope(pack)).unwrap_or_else(|_| state.as_str().into()),
        );
    }
    match route.does {
        Does::Use if !key.is_honoured() => return Answer::fixed(&contract.refused),
        Does::Use => key.use_now(),
        Does::Set => key.state = state(route.state.as_deref()),
        Does::End => key.state = ENDED,
        Does::Rotate => return rotate(pack, world, route, at),
        _ => {}
    }
    shown(pack, route, &world.keys[at].scope(pack))
}

fn state(word: Option<&str>) -> &'static str {
    match word {
        Some(DISABLED) => DISABLED,
        Some(ENDED) => ENDED,
        _ => ACTIVE,
    }
}

/// Which credential is meant: by its id, or by what was shown of it.
fn named(pack: &Pack, world: &World, route: &Route, found: &Found) -> Option<usize> {
    if let Some(id) = found.get("id") {
        return world
            .keys
            .iter()
            .position(|key| key.id == *id && key.is_shown(pack));
    }
    let fields: Vec<_> = pack
        .fields
        .keys()
        .filter_map(|name| Some((name, found.get(name)?)))
        .collect();
    let fits = |key: &Made| {
        fields
            .iter()
            .all(|(name, text)| key.fields.get(*name) == Some(text))
    };
    let known = matches!(route.does, Does::Use | Does::End) && !fields.is_empty();
    known.then(|| world.keys.iter().rposition(fits)).flatten()
}

fn create(pack: &Pack, world: &mut World, route: &Route, found: Found) -> Answer {
    if route.does == Does::Replace {
        world.keys.iter_mut().for_each(|key| key.state = ENDED);
    } else if !world.has_room(pack) {
        let full = pack.contract.full.as_ref();
        return full.map_or_else(Answer::nothing, Answer::fixed);
    }
    let made = world.create(pack, found);
    shown(pack, route, &made.scope(pack))
}

/// The second use of an ended one is taken for a theft: its whole family ends.
fn rotate(pack: &Pack, world: &mut World, route: &Route, at: usize) -> Answer {
    let (family, ended) = (world.keys[at].family, world.keys[at].state == ENDED);
    if ended {
        let theirs = world.keys.iter_mut().filter(|key| key.family == family);
        theirs.for_each(|key| key.state = ENDED);
        return Answer::fixed(&pack.contract.refused);
    }
    world.keys[at].state = ENDED;
    let made = world.create(pack, Found::new());
    if let Some(last) = world.keys.last_mut() {
        last.family = family;
    }
    shown(pack, route, &made.scope(pack))
}

fn login(pack: &Pack, world: &mut World, route: &Route) -> Answer {
    let token = format!("example-token-{}", world.tokens.len() + 1);
    world.tokens.push(token.clone());
    let mut scope = Scope::default();
    scope.set("token", token.into());
    scope.set("in_an_hour", written(world.now() + 3600));
    shown(pack, route, &scope)
}

fn list(pack: &Pack, world: &World, asked: &Asked, route: &Route) -> Answer {
    let told = |key: &&Made| {
        let of = route
            .of
            .as_ref()
            .map(|of| asked.query.get(of) == Some(&key.id));
        let fits = route.does != Does::Uses || key.used.is_some();
        key.is_shown(pack) && fits && of.unwrap_or(true)
    };
    let shown_keys: Vec<&Made> = world.keys.iter().filter(told).collect();
    let query = |name: &str| asked.query.get(name).cloned();
    let number = |name: &str| {
        query(name)
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(1)
    };
    let start = match &route.pages {
        Some(Paging::Cursor(name)) => query(name)
            .and_then(|after| shown_keys.iter().position(|key| key.id == after))
            .map_or(0, |at| at + 1),
        Some(Paging::Number(name) | Paging::Link(name) | Paging::Address(name)) => {
            (number(name).max(1) - 1) * PAGE
        }
        Some(Paging::FromZero(name)) => query(name).map_or(0, |_| number(name)) * PAGE,
        Some(Paging::Offset(name)) => query(name).map_or(0, |_| number(name)),
        None => 0,
    };
    let length = if route.pages.is_some() {
        PAGE
    } else {
        usize::MAX
    };
    let page: Vec<&Made> = shown_keys
        .iter()
        .skip(start)
        .take(length)
        .copied()
        .collect();
    let more = start + page.len() < shown_keys.len();
    let item = route.item.clone().unwrap_or_default();
    let items = page
        .iter()
        .filter_map(|key| spoken(pack, &item, &key.scope(pack)).ok());
    let mut scope = Scope::default();
    let id = |key: Option<&&Made>| key.map_or(Value::Null, |key| key.id.clone().into());
    scope.set("items", items.collect());
    scope.set("more", more.into());
    scope.set("first", id(page.first()));
    scope.set("last", id(page.last()));
    scope.set("next", if more { id(page.last()) } else { Value::Null });
    scope.set("next_page", Value::Null);
    if let (Some(Paging::Address(name)), true) = (&route.pages, more) {
        let next = format!("{}?{name}={}", asked.address, number(name) + 1);
        scope.set("next_page", next.into());
    }
    let mut answer = shown(pack, route, &scope);
    if let (Some(Paging::Link(name)), true) = (&route.pages, more) {
        let next = format!("{}?{name}={}", asked.address, number(name) + 1);
        answer
            .headers
            .push(("link", format!("<{next}>; rel=\"next\"")));
    }
    answer
}

/// As this service writes it: some leave out what stands for nothing.
fn spoken(pack: &Pack, template: &Value, scope: &Scope) -> Result<Value> {
    let used = pack.last_used.as_ref();
    match used.is_some_and(|used| used.left_out) {
        true => filled(template, scope),
        false => played(template, scope),
    }
}

fn shown(pack: &Pack, route: &Route, scope: &Scope) -> Answer {
    match spoken(pack, &route.answer, scope) {
        Ok(body) => Answer::said(route.status, &body),
        Err(error) => Answer::said(501, &Value::from(error.message)),
    }
}
