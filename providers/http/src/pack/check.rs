//! Whether a pack can work: everything that can be told before a call is made.

mod auth;

use super::{Call, Cut, Pack, Turn};
use crate::sign::{MADE, OF_MOMENT, OF_REQUEST};
use crate::text::Text;
use keywheel_contract::{ChosenBy, Style};
use regex_lite::Regex;
use std::collections::BTreeSet;

type Checked = Result<(), String>;

/// Names that every text may have beside those of the pack.
const ALWAYS: [&str; 4] = ["id", "ref", "tag", "now"];

pub(super) fn check(pack: &Pack) -> Checked {
    named(pack)?;
    patterns(pack)?;
    operations(pack)?;
    credentials(pack)?;
    for (name, auth, call) in pack.calls() {
        shaped(call)
            .and_then(|()| asked_by(pack, call.auth.as_deref().unwrap_or(auth)))
            .and_then(|()| asked_by_itself(pack, name, call.auth.as_deref().unwrap_or(auth)))
            .and_then(|()| {
                auth::shown_beside(pack, name, call, call.auth.as_deref().unwrap_or(auth))
            })
            .and_then(|()| known(pack, call, &[]))
            .and_then(|()| no_secret_in_the_address(pack, call))
            .and_then(|()| no_secret_by_another_name(pack, call))
            .map_err(|why| format!("`{name}`: {why}"))?;
    }
    auth::check(pack)?;
    logins(pack)
}

fn ensure(holds: bool, otherwise: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn named(pack: &Pack) -> Checked {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = !pack.name.is_empty() && pack.name.chars().all(allowed);
    ensure(good, "`name` has the letters a-z, digits and `-`")?;
    let mut names = pack
        .parameters
        .keys()
        .chain(pack.credentials.keys())
        .chain(pack.fields.keys());
    let mut seen: BTreeSet<&str> = ALWAYS.into_iter().chain(OF_REQUEST).collect();
    seen.extend(OF_MOMENT.into_iter().chain(MADE));
    let twice = names.find(|name| !seen.insert(name.as_str()));
    ensure(
        twice.is_none(),
        format!(
            "the name `{}` is used twice, or has a meaning already",
            twice.map_or("", String::as_str)
        ),
    )
}

fn patterns(pack: &Pack) -> Checked {
    let fields = pack
        .fields
        .iter()
        .map(|(name, field)| (name, &field.format));
    let parameters = pack
        .parameters
        .iter()
        .map(|(name, one)| (name, &one.format));
    for (name, format) in fields.chain(parameters) {
        let wrong = format
            .as_ref()
            .is_some_and(|text| Regex::new(text).is_err());
        ensure(
            !wrong,
            format!("the format of `{name}` is no regular expression"),
        )?;
    }
    ensure(!pack.fields.is_empty(), "a credential has no field")
}

/// What its words promise, it has the calls for.
fn operations(pack: &Pack) -> Checked {
    let by_person = pack.chosen_by == ChosenBy::Person;
    ensure(
        by_person == (pack.style == Style::Assisted),
        "`assisted` is what a person makes, and nothing else is",
    )?;
    let mints = pack.chosen_by == ChosenBy::Issuer;
    ensure(
        mints != pack.mint.is_empty(),
        "`mint` makes what the issuer chooses, and only that",
    )?;
    let applies = pack.chosen_by == ChosenBy::Keywheel;
    ensure(
        applies != pack.apply.is_empty(),
        "`apply` sets what we choose, and only that",
    )?;
    let drawn = pack.fields.values().any(|field| field.draw.is_some());
    ensure(
        applies == drawn,
        "a field has `draw` where we choose it, and only there",
    )?;
    let mut listed = pack.list.iter();
    ensure(
        !applies || listed.all(|list| list.item.reference.is_some()),
        "`apply` asks first whether the value is there already: `list` needs the `ref` of an item",
    )?;
    ensure(
        pack.disable.is_empty() == pack.enable.is_empty(),
        "`disable` and `enable` belong together",
    )?;
    ensure(
        !by_person || pack.instructions.is_some(),
        "a person needs `instructions`",
    )?;
    ensure(
        pack.expires.is_none() || pack.look.is_some() || pack.list.is_some(),
        "`expires` is read where a credential is looked at or listed: it needs `look` or `list`",
    )?;
    let lost = mints
        && !pack.idempotent
        && pack
            .list
            .as_ref()
            .is_none_or(|list| list.item.tag.is_none());
    ensure(
        !lost,
        "a credential whose answer got lost is found by the `tag` of `list`, or `mint` is `idempotent`",
    )
}

fn credentials(pack: &Pack) -> Checked {
    if !pack.mint.is_empty() {
        let taken: BTreeSet<_> = pack.mint.iter().flat_map(|call| call.take.keys()).collect();
        let mut wanted = pack.fields.keys().map(String::as_str).chain(["id"]);
        let missing = wanted.find(|name| !taken.contains(&(*name).to_owned()));
        ensure(
            missing.is_none(),
            format!("`mint` does not take `{}`", missing.unwrap_or_default()),
        )?;
    }
    let Some(identify) = &pack.identify else {
        return Ok(());
    };
    let ways = [
        identify.call.is_some(),
        identify.by_hint.is_some(),
        identify.cut.is_some(),
    ];
    ensure(
        ways.into_iter().filter(|way| *way).count() == 1,
        "`identify` has exactly one way",
    )?;
    let hints = pack
        .list
        .as_ref()
        .is_some_and(|list| list.item.hint.is_some());
    ensure(
        identify.by_hint.is_none() || hints,
        "`identify` by a hint needs the `hint` of `list`",
    )?;
    let cut = identify.cut.as_ref().map(|(field, _)| field);
    let field = identify.by_hint.as_ref().or(cut);
    let known = field.is_none_or(|field| pack.fields.contains_key(field) || field == "public_key");
    ensure(known, "`identify` names no field")?;
    identify
        .cut
        .as_ref()
        .map_or(Ok(()), |(field, how)| named_by(pack, field, *how))?;
    let takes = identify
        .call
        .as_ref()
        .is_none_or(|call| call.take.contains_key("id"));
    ensure(takes, "`identify` takes no `id`")
}

/// An id is written down, shown, and part of addresses: it must not be a secret.
fn named_by(pack: &Pack, field: &str, how: Cut) -> Checked {
    let is_secret = pack.fields.get(field).is_some_and(|known| !known.public);
    ensure(
        how != Cut::Itself || !is_secret,
        format!(
            "`identify` makes the secret `{field}` the id, which is part of addresses: say `public = true` if it opens \
             nothing"
        ),
    )
}

fn shaped(call: &Call) -> Checked {
    ensure(
        call.methods().count() == 1,
        "a call has exactly one of `get`, `post`, `put`, `patch`, `delete`",
    )?;
    let bodies = [
        call.json.is_some(),
        !call.form.is_empty(),
        !call.parts.is_empty(),
    ];
    ensure(
        bodies.into_iter().filter(|has| *has).count() <= 1,
        "a body is `json`, `form` or `parts`",
    )?;
    let path = call.line().and_then(|(_, path)| path.fill_shape());
    ensure(
        path.is_some_and(|path| path.starts_with('/')),
        "a path begins with `/` and is plain",
    )?;
    let pointer = |text: &String| text.is_empty() || text.starts_with('/');
    ensure(
        call.take.values().all(pointer),
        "a JSON pointer begins with `/`",
    )?;
    turns(call)
}

fn turns(call: &Call) -> Checked {
    for (name, turns) in &call.turn {
        ensure(
            call.take.contains_key(name),
            format!("`turn` names `{name}`, which is not taken"),
        )?;
        let wrong = turns.iter().any(|turn| match turn {
            Turn::First(pattern) => {
                !Regex::new(pattern).is_ok_and(|regex| regex.captures_len() == 2)
            }
            Turn::Trim | Turn::Base64d | Turn::Sha256hex => false,
        });
        ensure(
            !wrong,
            format!("`first` of `{name}` is a regular expression with one group"),
        )?;
    }
    Ok(())
}

fn asked_by(pack: &Pack, auth: &str) -> Checked {
    let known = auth == "none" || pack.auth.contains_key(auth);
    ensure(known, format!("there is no `auth.{auth}`"))
}

/// A token is kept, and lives on when what it was made with is ended: the next credential would be tried with it.
fn asked_by_itself(pack: &Pack, name: &str, auth: &str) -> Checked {
    let logs_in = pack.auth.get(auth).is_some_and(|auth| auth.login.is_some());
    ensure(
        !logs_in || !matches!(name, "test" | "identify"),
        format!(
            "`auth.{auth}` has a `login`: ask by the login itself with `auth = \"none\"`, for a token proves nothing of \
             the credential"
        ),
    )
}

/// Names that stand for something public.
fn public(pack: &Pack) -> BTreeSet<String> {
    let taken = pack
        .calls()
        .into_iter()
        .flat_map(|(_, _, call)| call.take.keys().cloned());
    let mut names: BTreeSet<String> = taken.chain(pack.parameters.keys().cloned()).collect();
    names.extend(ALWAYS.map(str::to_owned));
    names.retain(|name| !secret(pack).contains(name.as_str()));
    names
}

/// Names that stand for a secret.
fn secret(pack: &Pack) -> BTreeSet<&str> {
    let names = pack.credentials.keys().chain(pack.fields.keys());
    names
        .map(String::as_str)
        .chain(["public_key", "token"])
        .collect()
}

fn texts(call: &Call) -> Result<Vec<Text>, String> {
    let plain = call
        .headers
        .values()
        .chain(call.form.values())
        .chain(call.parts.values());
    let json: Result<Vec<Text>, String> =
        call.body_texts().into_iter().map(Text::try_from).collect();
    Ok(json?.into_iter().chain(plain.cloned()).collect())
}

/// Every name in what a call sends beside its address; none where it cannot be read.
pub(super) fn names(call: &Call) -> Vec<String> {
    let texts = texts(call).unwrap_or_default();
    texts
        .iter()
        .flat_map(Text::names)
        .map(str::to_owned)
        .collect()
}

fn address(call: &Call) -> impl Iterator<Item = &str> {
    let path = call.methods().map(|(_, path)| path);
    path.chain(call.query.values()).flat_map(Text::names)
}

/// `here` are names beside those of the pack.
fn known(pack: &Pack, call: &Call, here: &[&str]) -> Checked {
    let texts = texts(call)?;
    let names = texts.iter().flat_map(Text::names).chain(address(call));
    known_in(pack, names, here)
}

fn known_in<'t>(pack: &Pack, mut names: impl Iterator<Item = &'t str>, here: &[&str]) -> Checked {
    let (public, secret) = (public(pack), secret(pack));
    let stranger = names.find(|name| {
        !public.contains(*name)
            && !secret.contains(name)
            && !here.contains(name)
            && !["days_ago_", "in_days_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
    });
    ensure(
        stranger.is_none(),
        format!("nothing is called `{}`", stranger.unwrap_or_default()),
    )
}

/// Addresses are logged by everybody on the way.
fn no_secret_in_the_address(pack: &Pack, call: &Call) -> Checked {
    let secret = secret(pack);
    let shown = address(call).find(|name| secret.contains(name));
    ensure(
        shown.is_none(),
        format!(
            "the secret `{}` in an address, which others log",
            shown.unwrap_or_default()
        ),
    )
}

/// What is taken from the place of a secret under another name is the same secret, and names may be part of addresses.
fn no_secret_by_another_name(pack: &Pack, call: &Call) -> Checked {
    let secret = |name: &String| pack.fields.get(name).is_some_and(|field| !field.public);
    let hidden: BTreeSet<_> = call
        .take
        .iter()
        .filter(|(name, _)| secret(name))
        .map(|(_, at)| at)
        .collect();
    let mut named = call
        .take
        .iter()
        .filter(|(name, _)| !pack.fields.contains_key(*name));
    let shown = named.find(|(_, at)| hidden.contains(at));
    ensure(
        shown.is_none(),
        format!(
            "`{}` is taken from where a secret is",
            shown.map_or("", |(name, _)| name.as_str())
        ),
    )
}

fn logins(pack: &Pack) -> Checked {
    let here: Vec<&str> = OF_MOMENT.into_iter().chain(["assertion"]).collect();
    for login in pack.auth.values().filter_map(|auth| auth.login.as_ref()) {
        shaped(&login.call)?;
        known(pack, &login.call, &here)?;
        no_secret_in_the_address(pack, &login.call)?;
    }
    Ok(())
}
