//! One secret as its description tells it: which version has which label, and who else has a hand in it (pure).

use crate::versions::Versions;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::primitives::DateTimeFormat;
use aws_sdk_secretsmanager::types::{ReplicationStatusType, StatusType};
use keywheel_contract::{Base, Error, ErrorKind, Inspection, Place, Result, VersionId};
use std::collections::BTreeMap;

/// What consumers read unless they ask for something else. Moving it makes AWS move [`PREVIOUS`] by itself.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The version that was current before.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";
/// Belongs to AWS's own rotation, which refuses to start while it sits on a version of ours: never set by us.
pub(crate) const THEIR_PENDING: &str = "AWSPENDING";
/// What we wrote and did not promote yet.
pub(crate) const STAGED: &str = "KEYWHEEL_PENDING";

/// What stands under one name.
#[derive(Default)]
pub(crate) struct Secret {
    pub(crate) arn: String,
    /// Labels by version. Versions without any are not in a description.
    labels: BTreeMap<String, Vec<String>>,
    pub(crate) managed_by: Option<String>,
    deleted_at: Option<String>,
    /// The region that takes writes, where this is not it.
    primary: Option<String>,
    /// Replica regions that do not serve this secret as it is, with their status.
    pub(crate) behind: Vec<String>,
    /// The key that encrypts it, where it is not AWS's own.
    pub(crate) kms_key: Option<String>,
    /// AWS rotates it.
    rotates: bool,
    /// The function that does, where it is one.
    pub(crate) function: Option<String>,
}

impl Secret {
    pub(crate) fn new(seen: DescribeSecretOutput, region: &str) -> Self {
        let mut labels: BTreeMap<_, _> = seen.version_ids_to_stages.into_iter().flatten().collect();
        labels.retain(|_, labels| !labels.is_empty());
        let deleted = seen.deleted_date;
        let owner = Owner {
            service: seen.owning_service.as_deref(),
            kind: seen.r#type.as_deref(),
            rotates: seen.rotation_enabled.unwrap_or_default(),
            function: seen.rotation_lambda_arn.as_deref(),
        };
        Self {
            managed_by: owner.name(),
            rotates: owner.rotates,
            function: seen.rotation_lambda_arn.clone(),
            arn: seen.arn.unwrap_or_default(),
            labels,
            deleted_at: deleted.and_then(|at| at.fmt(DateTimeFormat::DateTime).ok()),
            primary: seen.primary_region.filter(|primary| primary != region),
            behind: behind(&seen.replication_status.unwrap_or_default()),
            kms_key: seen
                .kms_key_id
                .filter(|key| !key.ends_with("alias/aws/secretsmanager")),
        }
    }

    /// The version that consumers read.
    pub(crate) fn current(&self) -> Option<&str> {
        self.with(CURRENT)
    }

    pub(crate) fn current_id(&self) -> Option<VersionId> {
        self.current().map(VersionId::new)
    }

    /// The version with that label.
    pub(crate) fn with(&self, label: &str) -> Option<&str> {
        let has = |labels: &Vec<String>| labels.iter().any(|own| own == label);
        let found = self.labels.iter().find(|(_, labels)| has(labels));
        found.map(|(version, _)| version.as_str())
    }

    pub(crate) fn labels_of(&self, version: &str) -> &[String] {
        self.labels.get(version).map_or(&[], Vec::as_slice)
    }

    /// Whether we may write here at all.
    ///
    /// # Errors
    /// `Invalid`: it is being deleted, or is a replica. `NativelyManaged`: another rotation owns it.
    pub(crate) fn ensure_ours(&self, place: &Place) -> Result<()> {
        self.ensure_usable(&place.path)?;
        match &self.managed_by {
            Some(by) => Err(Error::new(
                ErrorKind::NativelyManaged { by: by.clone() },
                format!("`{}` is rotated by {by}", place.path),
            )),
            None => Ok(()),
        }
    }

    /// The same without asking whose it is.
    pub(crate) fn ensure_usable(&self, path: &str) -> Result<()> {
        if let Some(at) = &self.deleted_at {
            return Err(Error::invalid(format!(
                "`{path}` is scheduled for deletion at {at}: bring it back with `aws secretsmanager \
                 restore-secret`, or publish to another one"
            )));
        }
        if let Some(primary) = &self.primary {
            return Err(Error::invalid(format!(
                "`{path}` is a replica here: write to its primary region {primary}"
            )));
        }
        Ok(())
    }

    /// Whether AWS can be asked to rotate it.
    ///
    /// # Errors
    /// `Invalid`: it is being deleted, is a replica, or AWS does not rotate it.
    pub(crate) fn ensure_delegated(&self, path: &str) -> Result<()> {
        self.ensure_usable(path)?;
        match self.rotates {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "AWS does not rotate `{path}`: turn its rotation on with `aws secretsmanager rotate-secret`, or publish \
                 to a store without `delegate`"
            ))),
        }
    }

    /// The version that a rotation of AWS's own is at, or got stuck at.
    pub(crate) fn under_way(&self) -> Option<&str> {
        let pending = self.with(THEIR_PENDING);
        pending.filter(|version| Some(*version) != self.current())
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// The version that a write expects to replace.
    ///
    /// # Errors
    /// `Conflict`: another one is current.
    pub(crate) fn ensure_shows(&self, place: &Place, base: &Base) -> Result<()> {
        if self.current() == base.version.as_ref().map(VersionId::as_str) {
            return Ok(());
        }
        let shown = self.current().unwrap_or("no version");
        Err(Error::conflict(
            self.current_id(),
            format!("`{}` shows {shown} now: somebody changed it", place.path),
        ))
    }

    /// What stands there, for those who are about to write.
    pub(crate) fn inspection(self, versions: &Versions) -> Inspection {
        let written_at_ms = self.current().and_then(|id| versions.created_ms(id));
        Inspection {
            current: self.current_id(),
            // The version's name is enough: moving the label compares it.
            token: None,
            written_at_ms,
            replicas_in_sync: self.behind.is_empty(),
            warnings: self.warnings(),
            natively_managed_by: self.managed_by,
        }
    }

    /// Facts a person should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (label, whose) in [
            (THEIR_PENDING, "a rotation of AWS's own that did not finish"),
            (
                STAGED,
                "a rotation of keywheel that is running or was given up",
            ),
        ] {
            let version = self
                .with(label)
                .filter(|version| Some(*version) != self.current());
            warnings
                .extend(version.map(|version| format!("{label} is on version {version}: {whose}")));
        }
        let behind = self.behind.iter();
        warnings.extend(behind.map(|region| format!("the replica in {region}")));
        warnings
    }
}

/// Everybody else who may write.
struct Owner<'a> {
    service: Option<&'a str>,
    kind: Option<&'a str>,
    rotates: bool,
    function: Option<&'a str>,
}

impl Owner<'_> {
    fn name(&self) -> Option<String> {
        match self {
            Self {
                service: Some(service),
                ..
            } => Some(format!("the AWS service {service}")),
            Self {
                kind: Some(kind), ..
            } => Some(format!("AWS as a managed external secret of {kind}")),
            Self { rotates: false, .. } => None,
            Self {
                function: Some(function),
                ..
            } => Some(format!("AWS by the function {function}")),
            Self { function: None, .. } => Some("AWS's managed rotation".to_owned()),
        }
    }
}

/// Who rotates a secret by the words that a listing has of it.
pub(crate) fn owner_of(entry: &aws_sdk_secretsmanager::types::SecretListEntry) -> Option<String> {
    let owner = Owner {
        service: entry.owning_service(),
        kind: entry.r#type(),
        rotates: entry.rotation_enabled().unwrap_or_default(),
        function: entry.rotation_lambda_arn(),
    };
    owner.name()
}

fn behind(replicas: &[ReplicationStatusType]) -> Vec<String> {
    let late = replicas
        .iter()
        .filter(|replica| replica.status() != Some(&StatusType::InSync));
    let shown = late.map(|replica| {
        let status = replica.status().map_or("unknown", StatusType::as_str);
        format!("{} is {status}", replica.region().unwrap_or_default())
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::{CURRENT, PREVIOUS, STAGED, Secret, THEIR_PENDING};
    use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
    use aws_sdk_secretsmanager::operation::describe_secret::builders::DescribeSecretOutputBuilder;
    use aws_sdk_secretsmanager::primitives::DateTime;
    use aws_sdk_secretsmanager::types::{ReplicationStatusType, StatusType};
    use keywheel_contract::{Base, Place, VersionId};

    fn described(labels: &[(&str, &[&str])]) -> DescribeSecretOutputBuilder {
        let mut builder = DescribeSecretOutput::builder().arn("arn:example");
        for (version, labels) in labels {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            builder = builder.version_ids_to_stages(*version, labels);
        }
        builder
    }

    fn place() -> Place {
        Place {
            path: "a".into(),
            fields: Vec::new(),
            selector: None,
        }
    }

    #[test]
    fn labels_tell_which_version_is_which() {
        let seen = described(&[
            ("1", &[PREVIOUS]),
            ("2", &[CURRENT, "blue"]),
            ("3", &[STAGED]),
            ("0", &[]),
        ]);
        let secret = Secret::new(seen.build(), "eu-west-1");
        assert_eq!(secret.current(), Some("2"));
        assert_eq!(secret.with(STAGED), Some("3"));
        assert_eq!(secret.labels_of("2"), [CURRENT, "blue"]);
        assert!(secret.labels_of("0").is_empty());
        assert_eq!(secret.warnings().len(), 1, "{:?}", secret.warnings());
        let base = |version: Option<&str>| Base {
            version: version.map(VersionId::new),
            token: None,
        };
        assert!(secret.ensure_shows(&place(), &base(Some("2"))).is_ok());
        for other in [None, Some("1")] {
            let refused = secret.ensure_shows(&place(), &base(other)).unwrap_err();
            assert_eq!(refused.word(), "conflict");
        }
        let own = Secret::new(described(&[("2", &[CURRENT, THEIR_PENDING])]).build(), "r");
        assert!(
            own.warnings().is_empty(),
            "a finished rotation of AWS's own"
        );
    }

    #[test]
    fn whoever_else_writes_is_named() {
        for (seen, named) in [
            (described(&[]).owning_service("rds"), "service rds"),
            (
                described(&[]).r#type("SalesforceClientSecret"),
                "SalesforceClientSecret",
            ),
            (described(&[]).rotation_enabled(true), "managed rotation"),
            (
                described(&[])
                    .rotation_enabled(true)
                    .rotation_lambda_arn("arn:example:f"),
                "function arn:example:f",
            ),
        ] {
            let secret = Secret::new(seen.build(), "r");
            assert!(
                secret.managed_by.as_deref().unwrap().contains(named),
                "{named}"
            );
            assert_eq!(
                secret.ensure_ours(&place()).unwrap_err().word(),
                "natively_managed"
            );
        }
        // Rotation that was turned off leaves its function behind.
        let off = described(&[])
            .rotation_enabled(false)
            .rotation_lambda_arn("arn:example:f");
        assert_eq!(Secret::new(off.build(), "r").managed_by, None);
    }

    #[test]
    fn a_deleted_secret_and_a_replica_are_not_written_to() {
        let gone = described(&[]).deleted_date(DateTime::from_secs(0));
        let gone = Secret::new(gone.build(), "r")
            .ensure_ours(&place())
            .unwrap_err();
        assert!(gone.message.contains("1970-01-01T00:00:00Z"), "{gone}");
        let replica = described(&[]).primary_region("eu-west-1");
        let replica = Secret::new(replica.build(), "us-east-1");
        let refused = replica.ensure_ours(&place()).unwrap_err();
        assert!(
            refused.message.contains("primary region eu-west-1"),
            "{refused}"
        );
        let primary = described(&[]).primary_region("eu-west-1");
        assert!(
            Secret::new(primary.build(), "eu-west-1")
                .ensure_ours(&place())
                .is_ok()
        );
    }

    #[test]
    fn only_a_secret_that_aws_rotates_is_delegated() {
        let plain = Secret::new(described(&[]).build(), "r");
        let refused = plain.ensure_delegated("a").unwrap_err();
        assert!(
            refused.message.contains("turn its rotation on"),
            "{refused}"
        );
        let rotated = |labels| Secret::new(described(labels).rotation_enabled(true).build(), "r");
        let done = rotated(&[("2", &[CURRENT, THEIR_PENDING]), ("1", &[PREVIOUS])]);
        assert!(done.ensure_delegated("a").is_ok());
        assert_eq!(done.under_way(), None);
        let going = rotated(&[("2", &[THEIR_PENDING]), ("1", &[CURRENT])]);
        assert_eq!(going.under_way(), Some("2"));
        let gone = described(&[]).rotation_enabled(true);
        let gone = gone.deleted_date(DateTime::from_secs(0));
        let gone = Secret::new(gone.build(), "r");
        assert!(gone.ensure_delegated("a").is_err());
    }

    #[test]
    fn every_replica_counts() {
        let replica = |region: &str, status| {
            ReplicationStatusType::builder()
                .region(region)
                .status(status)
                .build()
        };
        let seen = described(&[])
            .replication_status(replica("eu-west-1", StatusType::InSync))
            .replication_status(replica("eu-west-2", StatusType::InProgress));
        let secret = Secret::new(seen.build(), "r");
        assert_eq!(secret.behind, ["eu-west-2 is InProgress"]);
        assert_eq!(
            secret.warnings(),
            ["the replica in eu-west-2 is InProgress"]
        );
    }
}
