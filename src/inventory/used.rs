//! `new_used`: the issuer has to see somebody use the new credential, which only some can tell.

use super::issuer::FoundIssuer;
use super::resolve::Resolver;
use crate::config::file::Problem;

impl Resolver<'_> {
    /// Asked for of an issuer that can never tell, it would hold up every rotation for ever.
    pub(super) fn use_is_told(&mut self, issuer: &FoundIssuer) {
        let table = &self.layered.table;
        let asked = table.node("new_used").filter(|_| table.flag("new_used"));
        let (Some(node), Some(why)) = (asked, untold(issuer)) else {
            return;
        };
        let message = format!("`new_used` cannot be asked for: {why}");
        let help = "take it out: each consumer shows by its `verify` that it has the new one";
        self.problem(Some(Problem::at(&node.place, message).help(help)));
    }
}

/// Why an issuer cannot say who uses a credential; `None` where it can, or only a program knows.
fn untold(issuer: &FoundIssuer) -> Option<String> {
    let kind = issuer.kind.filter(|_| !issuer.dates_use)?;
    let no_sessions = (kind.no_sessions)(&issuer.spec.options)?;
    Some(format!(
        "an issuer `{}` does not tell when a credential was last used, and {no_sessions}",
        kind.name
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Files;

    /// What is said of a secret of this issuer with these keys; empty where all is well.
    fn problems(issuer: &str, fields: &str, keys: &str) -> String {
        let team = format!(
            "[secrets.a]\nissuer = {{ {issuer} }}\nno_consumers = \"example\"\n{keys}\n\
             publish_to = [{{ store = \"main\", path = \"a\", fields = {{ {fields} }} }}]\n"
        );
        let read = Files::usual()
            .with("inventory/production/team.toml", &team)
            .read();
        let problems = read.err().unwrap_or_default();
        let each = problems.iter().map(ToString::to_string);
        each.collect::<Vec<_>>().join("\n")
    }

    const DATABASE: &str = "address = \"db.svc.example.com\", \
         admin = { user = \"rotator\", password = { file = \"rotator\" } }";

    #[cfg(feature = "postgres")]
    #[test]
    fn roles_in_turn_have_sessions_of_their_own() {
        let fields = "USER = \"{user}\", PASSWORD = \"{password}\"";
        let two = format!("kind = \"postgres\", {DATABASE}, roles = [\"app_a\", \"app_b\"]");
        assert_eq!(problems(&two, fields, "new_used = true"), "");
        let one = format!("kind = \"postgres\", {DATABASE}, role = \"app\"");
        let said = problems(&one, fields, "in_place = \"one role\"\nnew_used = true");
        assert!(said.contains("give it two roles"), "{said}");
    }

    #[cfg(all(feature = "mysql", feature = "redis"))]
    #[test]
    fn two_passwords_of_one_user_look_the_same() {
        for kind in ["mysql", "redis"] {
            let issuer = format!("kind = \"{kind}\", {DATABASE}, user = \"app\"");
            let said = problems(&issuer, "PASSWORD = \"{password}\"", "new_used = true");
            assert!(said.contains("`new_used` cannot be asked for"), "{said}");
            assert!(said.contains("two passwords"), "{said}");
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn keys_of_iam_have_a_date() {
        let fields = "ID = \"{access_key_id}\", SECRET = \"{secret_access_key}\"";
        let issuer = "kind = \"aws-iam-key\", user = \"app\"";
        assert_eq!(problems(issuer, fields, "new_used = true"), "");
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_service_is_known_by_its_pack() {
        let pack = |name: &str, parameters: &str| {
            let issuer = format!(
                "kind = \"http\", pack = \"{name}\", parameters = {{ {parameters} }}, \
                 credentials = {{ admin = {{ env = \"EXAMPLE\" }} }}"
            );
            problems(&issuer, "KEY = \"{value}\"", "new_used = true")
        };
        assert_eq!(pack("openai", "project = \"proj_example\""), "");
        let said = pack("sendgrid", "scopes = [\"mail.send\"]");
        assert!(
            said.contains("does not tell when a credential was last used"),
            "{said}"
        );
    }

    #[test]
    fn only_a_program_knows_what_it_can_tell() {
        let said = problems("use = \"people\"", "KEY = \"{value}\"", "new_used = true");
        assert!(said.contains("knows of no sessions"), "{said}");
        let not = problems("use = \"people\"", "KEY = \"{value}\"", "new_used = false");
        assert_eq!(not, "");
        let exec = "kind = \"exec\", program = \"check-app\"";
        assert_eq!(problems(exec, "KEY = \"{value}\"", "new_used = true"), "");
        let said = problems(exec, "KEY = \"{value}\"", "new_used = \"yes\"");
        assert!(said.contains("`new_used`"), "{said}");
    }
}
