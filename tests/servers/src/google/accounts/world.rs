//! What stands in the fake, and how it changes.

use super::{ACCOUNT, Exchange, NUMBER};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use x509_parser::parse_x509_certificate;
use x509_parser::pem::parse_x509_pem;

/// A status, Google's word for it, and what is said with it.
pub(super) type Refusal = (u16, &'static str, &'static str);

#[derive(Default)]
pub(super) struct World {
    pub(super) keys: Vec<Key>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) token_uri: String,
    pub(super) forbids_uploads: bool,
    pub(super) no_rights: bool,
    pub(super) account_disabled: bool,
    pub(super) late: u32,
    pub(super) logins: usize,
    serial: u64,
}

/// A key of the account.
pub(super) struct Key {
    pub(super) id: String,
    /// As it was uploaded; none of a key that Google made.
    certificate: Option<String>,
    /// The public key, as any form that the library takes.
    public: Vec<u8>,
    after: DateTime<Utc>,
    before: DateTime<Utc>,
    pub(super) disabled: bool,
    /// Logins that are refused before it is known.
    unknown: u32,
}

impl Key {
    /// As a list shows it, and with its certificate where that is asked for.
    pub(super) fn told(&self, with_certificate: bool) -> Value {
        let origin = match self.certificate {
            Some(_) => "USER_PROVIDED",
            None => "GOOGLE_PROVIDED",
        };
        let time = |date: DateTime<Utc>| date.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let mut told = json!({
            "name": format!("projects/example-1/serviceAccounts/{ACCOUNT}/keys/{}", self.id),
            "validAfterTime": time(self.after), "validBeforeTime": time(self.before),
            "keyAlgorithm": "KEY_ALG_RSA_2048", "keyOrigin": origin, "keyType": "USER_MANAGED",
        });
        if self.disabled {
            told["disabled"] = json!(true);
        }
        if let Some(certificate) = self.certificate.as_ref().filter(|_| with_certificate) {
            told["publicKeyData"] = json!(STANDARD.encode(certificate));
        }
        told
    }

    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public);
        public.verify(text, signature).is_ok()
    }

    /// It is not known where accounts log in, for so many logins.
    pub(super) fn forget(&mut self, logins: u32) {
        self.unknown = logins;
    }

    /// Whether it may be used where accounts log in.
    pub(super) fn is_usable(&mut self, now: DateTime<Utc>) -> bool {
        let known = self.unknown == 0;
        self.unknown = self.unknown.saturating_sub(1);
        known && !self.disabled && self.after <= now && now < self.before
    }
}

impl World {
    pub(super) fn listed(&self) -> Vec<(String, bool)> {
        let keys = self.keys.iter();
        keys.map(|key| (key.id.clone(), !key.disabled)).collect()
    }

    pub(super) fn key(&mut self, id: &str) -> Result<&mut Key, Refusal> {
        let found = self.keys.iter_mut().find(|key| key.id == id);
        found.ok_or((404, "NOT_FOUND", "Service account key does not exist."))
    }

    /// Google's name for a key, which nobody else can tell beforehand.
    fn name(&mut self) -> String {
        self.serial += 1;
        format!("{:040x}", 0x00c7_b748_79da_78e4_u64 + self.serial)
    }

    pub(super) fn upload(&mut self, body: &Value) -> Result<Value, Refusal> {
        const WRONG: Refusal = (400, "INVALID_ARGUMENT", "The public key data is invalid.");
        if self.forbids_uploads {
            return Err((
                400,
                "FAILED_PRECONDITION",
                "Key upload is not allowed: constraints/iam.disableServiceAccountKeyUpload",
            ));
        }
        if self.keys.len() >= 10 {
            return Err((400, "FAILED_PRECONDITION", "Precondition check failed."));
        }
        let pem = body["publicKeyData"].as_str().unwrap_or_default();
        let pem = STANDARD.decode(pem).map_err(|_| WRONG)?;
        let (_, read) = parse_x509_pem(&pem).map_err(|_| WRONG)?;
        let (_, certificate) = parse_x509_certificate(&read.contents).map_err(|_| WRONG)?;
        certificate.verify_signature(None).map_err(|_| WRONG)?;
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let validity = certificate.validity();
        let key = Key {
            id: self.name(),
            public: certificate.public_key().raw.to_vec(),
            after: at(validity.not_before.timestamp()),
            before: at(validity.not_after.timestamp()),
            certificate: Some(String::from_utf8(pem.clone()).map_err(|_| WRONG)?),
            disabled: false,
            unknown: self.late,
        };
        if self.keys.iter().any(|known| known.public == key.public) {
            return Err((409, "ALREADY_EXISTS", "The key exists already."));
        }
        let told = key.told(false);
        self.keys.push(key);
        Ok(told)
    }

    pub(super) fn made_by_google(&mut self) -> String {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let id = self.name();
        self.keys.push(Key {
            id: id.clone(),
            certificate: None,
            public: pair.public_key().as_ref().to_vec(),
            after: Utc::now(),
            before: Utc::now() + TimeDelta::days(3650),
            disabled: false,
            unknown: 0,
        });
        let body = STANDARD.encode(der.as_ref());
        json!({
            "type": "service_account", "project_id": "example-1", "private_key_id": id,
            "private_key": format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"),
            "client_email": ACCOUNT, "client_id": NUMBER, "token_uri": self.token_uri,
        })
        .to_string()
    }
}
