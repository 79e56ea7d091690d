//! Whether ways to say who asks can work.

use super::{Checked, ensure, known_in};
use crate::pack::calls::leaves;
use crate::pack::{Auth, Call, Jwt, Login, Pack};
use crate::sign::{MADE, OF_MOMENT, OF_REQUEST};
use crate::text::Text;
use reqwest::Url;
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest life of a token that we sign: what leaks is good for as long.
const LONGEST: u32 = 3600;

pub(super) fn check(pack: &Pack) -> Checked {
    for (name, auth) in &pack.auth {
        headers(pack, auth)
            .and_then(|()| signatures(pack, auth))
            .and_then(|()| certificate(pack, auth))
            .and_then(|()| {
                auth.login
                    .as_ref()
                    .map_or(Ok(()), |login| door(pack, login))
            })
            .map_err(|why| format!("`auth.{name}`: {why}"))?;
    }
    let logins = pack.auth.values().filter_map(|auth| auth.login.as_ref());
    let doors: BTreeSet<_> = logins.map(|login| &login.base_url).collect();
    ensure(doors.len() <= 1, "tokens are asked for at one address")
}

fn headers(pack: &Pack, auth: &Auth) -> Checked {
    let made = [
        (auth.jwt.is_some(), "assertion"),
        (auth.hmac.is_some(), "signature"),
        (auth.login.is_some(), "token"),
    ];
    let mut here: Vec<&str> = made
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
        .collect();
    if auth.hmac.is_some() {
        here.extend(OF_MOMENT);
    }
    let texts = auth.headers.values().chain(&auth.basic);
    known_in(pack, texts.flat_map(Text::names), &here)?;
    let absent = MADE.into_iter().find(|name| {
        let mut names = auth.headers.values().flat_map(Text::names);
        !here.contains(name) && names.any(|one| one == *name)
    });
    ensure(
        absent.is_none(),
        format!("nothing makes `{}`", absent.unwrap_or_default()),
    )
}

fn signatures(pack: &Pack, auth: &Auth) -> Checked {
    let keys = auth.jwt.iter().map(|jwt| &jwt.key);
    let keys = keys.chain(auth.hmac.iter().map(|hmac| &hmac.key));
    let mut keys = keys.chain(auth.sigv4.iter().map(|sigv4| &sigv4.key));
    let stranger =
        keys.find(|key| !pack.credentials.contains_key(*key) && !pack.fields.contains_key(*key));
    ensure(
        stranger.is_none(),
        format!(
            "`key` is no credential and no field: `{}`",
            stranger.map_or("", String::as_str)
        ),
    )?;
    if let Some(jwt) = &auth.jwt {
        token(pack, jwt)?;
    }
    if let Some(hmac) = &auth.hmac {
        let here: Vec<&str> = OF_REQUEST.into_iter().chain(OF_MOMENT).collect();
        shown(
            pack,
            hmac.over.names().filter(|name| *name != "body"),
            &here,
        )?;
    }
    let Some(sigv4) = &auth.sigv4 else {
        return Ok(());
    };
    ensure(
        auth.basic.is_none() && !auth.headers.contains_key("authorization"),
        "`sigv4` fills the header `authorization`",
    )?;
    known_in(pack, sigv4.id.names(), &[])?;
    shown(pack, sigv4.region.names(), &[])
}

fn certificate(pack: &Pack, auth: &Auth) -> Checked {
    let Some(tls) = &auth.tls else {
        return Ok(());
    };
    let mut names = [&tls.certificate, &tls.key].into_iter();
    let stranger = names.find(|name| !pack.credentials.contains_key(*name));
    ensure(
        stranger.is_none(),
        format!(
            "`tls` names no credential of ours: `{}`",
            stranger.map_or("", String::as_str)
        ),
    )
}

/// A certificate of ours would pass in place of the credential that is tried.
pub(super) fn shown_beside(pack: &Pack, operation: &str, call: &Call, auth: &str) -> Checked {
    let tries = matches!(operation, "test" | "identify");
    let Some(way) = pack.auth.get(auth).filter(|way| tries && way.tls.is_some()) else {
        return Ok(());
    };
    let texts = way.headers.values().chain(&way.basic);
    let keys = way.jwt.iter().map(|jwt| &jwt.key);
    let keys = keys.chain(way.hmac.iter().map(|hmac| &hmac.key));
    let keys = keys.chain(way.sigv4.iter().map(|sigv4| &sigv4.key));
    let mut names: BTreeSet<String> = super::names(call).into_iter().collect();
    names.extend(texts.flat_map(Text::names).map(str::to_owned));
    names.extend(keys.cloned());
    let tells = |name: &String| pack.fields.get(name).is_some_and(|field| !field.public);
    ensure(
        names.iter().any(tells),
        format!(
            "`auth.{auth}` shows our certificate and no credential: it would pass in place of what is tried"
        ),
    )
}

fn token(pack: &Pack, jwt: &Jwt) -> Checked {
    ensure(
        (60..=LONGEST).contains(&jwt.lives_seconds),
        format!("`lives_seconds` is from 60 to {LONGEST}"),
    )?;
    let Value::Object(claims) = &jwt.claims else {
        return Err("`claims` is a table".to_owned());
    };
    let ours = ["iat", "exp"]
        .into_iter()
        .find(|name| claims.contains_key(*name));
    ensure(
        ours.is_none(),
        format!(
            "`claims` does not say `{}`: it is added",
            ours.unwrap_or_default()
        ),
    )?;
    let texts = leaves(&jwt.claims).into_iter().map(Text::try_from);
    let texts: Vec<Text> = texts.collect::<Result<_, String>>()?;
    let all = texts.iter().chain(jwt.header.values());
    shown(pack, all.flat_map(Text::names), &OF_MOMENT)
}

/// What is signed can be read by whoever sees it.
fn shown<'t>(pack: &Pack, names: impl Iterator<Item = &'t str>, here: &[&str]) -> Checked {
    let names: Vec<&str> = names.collect();
    known_in(pack, names.iter().copied(), here)?;
    let is_secret = |name: &str| {
        let field = pack.fields.get(name);
        pack.credentials.contains_key(name) || field.is_some_and(|field| !field.public)
    };
    let hidden = names.iter().find(|name| is_secret(name));
    ensure(
        hidden.is_none(),
        format!(
            "the secret `{}` in what is signed, which can be read",
            hidden.unwrap_or(&"")
        ),
    )
}

fn door(pack: &Pack, login: &Login) -> Checked {
    ensure(
        login.lives.is_some() != login.ends.is_some(),
        "`login` has either `lives` or `ends`",
    )?;
    let by = login.call.auth.as_deref().unwrap_or("none");
    let way = pack.auth.get(by);
    ensure(
        by == "none" || way.is_some_and(|way| way.login.is_none()),
        format!("`login` asks as `{by}`, which is no way without a login"),
    )?;
    let url = login.base_url.as_deref().map(Url::parse);
    ensure(
        url.is_none_or(|url| url.is_ok_and(|url| url.scheme() == "https")),
        "`base_url` of `login` is https://host/path",
    )
}
