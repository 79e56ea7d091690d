//! What `keywheel check --online` asks: calls that change nothing.

use crate::keyvault::KeyVault;
use crate::login::Claims;
use keywheel_contract::{ErrorKind, Finding, Inspection, Place, Result, Verdict};

/// A custom role with the four rights that are needed.
const ROLE: &str = include_str!("../role.json");
/// A backup of a secret holds so many versions, as documented; a vault itself documents no limit.
const BACKED_UP: usize = 500;
/// Seconds by which our clock may differ from the vault's.
const SKEW_S: i64 = 30;

/// Everything about one place that its inspection does not tell.
pub(crate) async fn place(vault: &KeyVault, name: &str, seen: &Result<Inspection>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for warning in seen.iter().flat_map(|seen| &seen.warnings) {
        let about = format!("reachable: {name}");
        findings.push(Finding::new(about, Verdict::Warning, warning));
    }
    let get = vault.shown(name).await.map(|_| ());
    findings.push(right(
        &format!("permission get: {name}"),
        get,
        "we may read it",
    ));
    let versions = vault.versions(name).await;
    let list = versions.as_ref().map(|_| ()).map_err(Clone::clone);
    findings.push(right(
        &format!("permission list: {name}"),
        list,
        "we may list its versions",
    ));
    let update = vault.may_update(name).await;
    findings.push(right(
        &format!("permission update: {name}"),
        update,
        "we may disable its versions",
    ));
    findings.push(Finding::new(
        format!("permission set: {name}"),
        Verdict::Unproven,
        "whether we may write a version shows only by writing one",
    ));
    findings.extend(versions.ok().map(|versions| headroom(name, versions.len())));
    findings
}

/// What holds for the vault as a whole.
pub(crate) async fn vault(vault: &KeyVault) -> Vec<Finding> {
    let listing = vault.page(None).await.map(|_| ());
    let listing = match right("permission list", listing, "we may list the vault") {
        missing if missing.verdict == Verdict::Missing => Finding {
            verdict: Verdict::Warning,
            detail: format!(
                "{}; only `keywheel inventory discover` needs it",
                missing.detail
            ),
            ..missing
        },
        other => other,
    };
    vec![
        identity(vault.identity.claims()),
        listing,
        clock(vault.clock.ahead_s()),
    ]
}

fn identity(claims: Option<Claims>) -> Finding {
    let Some(claims) = claims else {
        let detail = "no token, or one that does not say whom it speaks for";
        return Finding::new("identity", Verdict::Unproven, detail);
    };
    let or = |id: Option<String>| id.unwrap_or_else(|| "unknown".to_owned());
    let detail = format!(
        "application {}, object {}, tenant {}",
        or(claims.client_id),
        or(claims.object_id),
        or(claims.tenant)
    );
    Finding::new("identity", Verdict::Good, detail)
}

fn right(about: &str, asked: Result<()>, detail: &str) -> Finding {
    match asked {
        Ok(()) => Finding::new(about, Verdict::Good, detail),
        Err(error) if error.kind == ErrorKind::Denied => {
            Finding::new(about, Verdict::Missing, error.message)
        }
        Err(error) => Finding::new(about, Verdict::Unproven, error.message),
    }
}

fn headroom(name: &str, versions: usize) -> Finding {
    let verdict = match versions + 10 < BACKED_UP {
        true => Verdict::Good,
        false => Verdict::Warning,
    };
    let detail = format!(
        "{versions} versions; Key Vault documents no limit, but a backup holds at most {BACKED_UP}, and versions \
         cannot be deleted"
    );
    Finding::new(format!("headroom: {name}"), verdict, detail)
}

fn clock(ahead_s: Option<i64>) -> Finding {
    let Some(ahead) = ahead_s else {
        return Finding::new("clock", Verdict::Unproven, "the vault told no time");
    };
    let verdict = match ahead.abs() <= SKEW_S {
        true => Verdict::Good,
        false => Verdict::Warning,
    };
    let detail = format!("ours is {ahead} s ahead of the vault's");
    Finding::new("clock", verdict, detail)
}

/// The role, and its assignment to exactly these secrets, as commands.
pub(crate) fn policy(vault: &KeyVault, places: &[Place]) -> String {
    let claims = vault.identity.claims().unwrap_or_default();
    let object = claims.object_id.unwrap_or_else(|| "OBJECT-ID".to_owned());
    let name = vault.vault();
    let mut commands = vec![format!(
        "az role definition create --role-definition '{}'",
        ROLE.trim()
    )];
    commands.extend(places.iter().map(|place| {
        format!(
            "az role assignment create --role keywheel --assignee-object-id {object} \
             --assignee-principal-type ServicePrincipal --scope /subscriptions/SUBSCRIPTION/resourceGroups/GROUP\
             /providers/Microsoft.KeyVault/vaults/{name}/secrets/{}",
            place.path
        )
    }));
    commands.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{clock, headroom};
    use keywheel_contract::Verdict;

    #[test]
    fn many_versions_and_a_wrong_clock_are_told() {
        assert_eq!(headroom("a", 3).verdict, Verdict::Good);
        assert_eq!(headroom("a", 490).verdict, Verdict::Warning);
        assert_eq!(clock(Some(-2)).verdict, Verdict::Good);
        assert_eq!(clock(Some(-31)).verdict, Verdict::Warning);
        assert_eq!(clock(None).verdict, Verdict::Unproven);
    }
}
