//! Whether a unit could be told and seen, by calls that change nothing.

use crate::sight::Sight;
use crate::unit::{Told, Unit};
use keywheel_contract::{Examination, Finding, Verdict};

impl Unit {
    pub(crate) async fn examined(&self) -> Examination {
        let sight = match self.look().await {
            Ok(sight) => sight,
            Err(error) => {
                let about = format!("reachable: {}", self.name);
                return Examination {
                    findings: vec![Finding::new(about, Verdict::Missing, error.message)],
                    policy: None,
                };
            }
        };
        let mut findings = vec![self.there(&sight)];
        if self.told == Told::Reload {
            findings.push(self.reloads(&sight));
        }
        findings.push(self.permitted());
        Examination {
            findings,
            policy: Some(self.rule()),
        }
    }

    fn there(&self, sight: &Sight) -> Finding {
        let about = format!("reachable: {}", self.name);
        match sight.exists(&self.name) {
            Err(error) => Finding::new(about, Verdict::Missing, error.message),
            Ok(()) if sight.active == "active" => Finding::new(about, Verdict::Good, "active"),
            Ok(()) => {
                let message = format!("{}: a rotation waits until it runs", sight.active);
                Finding::new(about, Verdict::Warning, message)
            }
        }
    }

    fn reloads(&self, sight: &Sight) -> Finding {
        let (verdict, message) = match sight.can_reload {
            true => (Verdict::Good, "it takes an order to reload"),
            false => (Verdict::Missing, "it has no `ExecReload=`: say `restart`"),
        };
        Finding::new(format!("reload: {}", self.name), verdict, message)
    }

    /// Asking polkit whether it would let us would need rights of its own.
    fn permitted(&self) -> Finding {
        let about = format!("permission {}: {}", self.told.verb(), self.name);
        match rustix::process::geteuid().is_root() {
            true => Finding::new(about, Verdict::Good, "keywheel runs as root here"),
            false => Finding::new(about, Verdict::Unproven, "seen when it is told first"),
        }
    }

    /// For a file in `/etc/polkit-1/rules.d` (polkit(8); systemd tells polkit the unit and the verb). Names are ASCII, so
    /// that what Rust quotes JavaScript reads as it was.
    fn rule(&self) -> String {
        format!(
            "polkit.addRule(function(action, subject) {{\n  \
             if (action.id == \"org.freedesktop.systemd1.manage-units\" && subject.user == \"keywheel\" &&\n      \
             action.lookup(\"unit\") == {:?} && action.lookup(\"verb\") == {:?}) {{\n    \
             return polkit.Result.YES;\n  }}\n}});\n",
            self.name,
            self.told.verb()
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::unit::{Told, Unit};

    #[test]
    fn the_rule_names_unit_and_verb() {
        let rule = Unit::new("web.service", Told::Reload).rule();
        assert!(
            rule.contains("action.lookup(\"unit\") == \"web.service\""),
            "{rule}"
        );
        assert!(
            rule.contains("action.lookup(\"verb\") == \"reload\""),
            "{rule}"
        );
        assert_eq!(rule.matches('{').count(), rule.matches('}').count());
        let escaped = Unit::new("worker@a\\x2db.service", Told::Restart).rule();
        assert!(
            escaped.contains(r#"== "worker@a\\x2db.service""#),
            "{escaped}"
        );
    }
}
