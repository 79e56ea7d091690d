//! Whether places and payloads have a form that Secrets Manager can hold (pure).

use keywheel_contract::{Error, Place, Result, SecretValue};

/// Largest content in bytes, by the service's limits.
pub(crate) const MAX_BYTES: usize = 65_536;

/// Whether a payload can be a value.
///
/// # Errors
/// `Invalid`: it is empty or too large.
pub(crate) fn fits(payload: &SecretValue) -> Result<()> {
    match payload.len() {
        1..=MAX_BYTES => Ok(()),
        0 => Err(Error::invalid("AWS Secrets Manager takes no empty value")),
        size => Err(Error::invalid(format!(
            "the content has {size} bytes; AWS Secrets Manager takes {MAX_BYTES}"
        ))),
    }
}

/// Whether a place can be a secret.
///
/// # Errors
/// `Invalid`, with what to write instead.
pub(crate) fn check(place: &Place) -> Result<()> {
    if !is_name(&place.path) && !is_arn(&place.path) {
        return Err(Error::invalid(format!(
            "`{}` is no secret of AWS: its name has 1 to 512 letters, digits and the characters / _ + = . @ -, or write \
             its whole ARN",
            place.path.escape_default()
        )));
    }
    match place.selector.as_deref() {
        None | Some(crate::secret::CURRENT) => {}
        Some(_) => {
            return Err(Error::invalid(
                "consumers read AWSCURRENT: store `aws-secrets-manager` takes no other selector",
            ));
        }
    }
    if place.fields.iter().any(String::is_empty) {
        return Err(Error::invalid(format!(
            "`{}` names a field without a name",
            place.path
        )));
    }
    Ok(())
}

fn is_name(path: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    (1..=512).contains(&path.len()) && path.chars().all(allowed)
}

/// A whole ARN ends with a hyphen and six characters that AWS chose; a part of one may mean several secrets.
pub(crate) fn is_arn(path: &str) -> bool {
    let parts: Vec<_> = path.splitn(7, ':').collect();
    let ["arn", _, "secretsmanager", region, account, "secret", name] = parts[..] else {
        return false;
    };
    let whole = name.rsplit_once('-').is_some_and(|(name, suffix)| {
        !name.is_empty() && suffix.len() == 6 && suffix.bytes().all(|c| c.is_ascii_alphanumeric())
    });
    whole && !region.is_empty() && !account.is_empty() && is_name(name)
}

/// A name lies wherever it is looked for; an ARN says where it lies.
///
/// # Errors
/// `Invalid`: that is another region.
pub(crate) fn ensure_in(region: &str, path: &str) -> Result<()> {
    match path.split(':').nth(3).filter(|_| is_arn(path)) {
        Some(theirs) if theirs != region => Err(Error::invalid(format!(
            "`{path}` lies in {theirs}, and its store in {region}: write `region = \"{theirs}\"`"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{check, ensure_in};
    use keywheel_contract::Place;

    fn place(path: &str) -> Place {
        Place {
            path: path.to_owned(),
            fields: Vec::new(),
            selector: None,
        }
    }

    #[test]
    fn an_arn_of_another_region_is_told() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/chat-a1B2c3";
        assert!(ensure_in("eu-west-1", arn).is_ok());
        assert!(ensure_in("eu-west-1", "prod/chat").is_ok());
        let told = ensure_in("us-east-1", arn).unwrap_err().message;
        assert!(told.contains("lies in eu-west-1"), "{told}");
    }

    #[test]
    fn a_place_is_a_name_or_a_whole_arn() {
        for good in [
            "prod/chat",
            "a",
            "/a_b+c=d.e@f-g/",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/chat-a1B2c3",
        ] {
            assert!(check(&place(good)).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a\n",
            "é",
            "a:b",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/chat",
            "arn:aws:s3:eu-west-1:123456789012:secret:prod/chat-a1B2c3",
            &"x".repeat(513),
        ] {
            assert!(check(&place(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn consumers_read_the_current_version() {
        let with = |selector: &str| Place {
            selector: Some(selector.to_owned()),
            ..place("a")
        };
        assert!(check(&with("AWSCURRENT")).is_ok());
        assert!(check(&with("blue")).is_err());
    }
}
