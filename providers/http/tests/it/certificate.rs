//! Services that let in only whom a certificate names, in TLS itself and beside what a header says; `curl` and OpenSSL are
//! the witnesses.

use crate::refused::example;
use keywheel_contract::{
    Error, ErrorKind, FingerprintKey, Issuer as _, Liveness, SecretValue, Tag,
};
use keywheel_provider_http::contract::{Played, check};
use keywheel_provider_http::pack::Pack;
use keywheel_provider_http::{HttpIssuer, HttpOptions};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::late::{Late, When};
use keywheel_test_servers::serve::{Served, serve_by};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const ADMIN: &str = "headers = { authorization = \"Bearer {manager}\" }";
const KEY: &str = "headers = { authorization = \"Bearer {value}\" }";
const TLS: &str = "tls = { certificate = \"shown\", key = \"shown_key\" }";

/// The example of `docs/packs.md` for a service behind a door that wants a certificate of everybody.
fn pack() -> String {
    let own = "manager = \"a manager's key\"";
    let ours = format!("{own}\nshown = \"our certificate\"\nshown_key = \"its private key\"");
    let played = "credentials = { manager = \"example-manager-key\" }";
    let all = "credentials = { manager = \"example-manager-key\", shown = \"example\", shown_key = \"example\" }";
    let mut pack = example();
    for (from, to) in [
        (own, ours.as_str()),
        (ADMIN, &format!("{ADMIN}\n{TLS}")),
        (KEY, &format!("{KEY}\n{TLS}")),
        (played, all),
    ] {
        assert!(pack.contains(from), "{from}");
        pack = pack.replacen(from, to, 1);
    }
    pack
}

/// A folder with the pack and our credentials, and the service.
struct Door {
    folder: TempDir,
    served: Served,
    played: Played,
    server: Authority,
    clients: Authority,
}

impl Door {
    /// It is shown a certificate that it takes.
    async fn set() -> Self {
        Self::of(&pack()).await
    }

    /// The same with another pack.
    async fn of(pack: &str) -> Self {
        let (server, clients) = (Authority::make(), Authority::make());
        let played = Played::new(&Pack::parse(pack).unwrap());
        let served = serve_by(played.router(), Some(server.server_for(&clients))).await;
        let door = Self {
            folder: tempfile::tempdir().unwrap(),
            served,
            played,
            server,
            clients,
        };
        door.write("acme.toml", pack);
        door.write("manager", "example-manager-key");
        door.show(door.clients.client("keywheel", true));
        door
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// From now on this lies where our credentials point.
    fn show(&self, (certificate, key): (String, String)) {
        self.write("shown.pem", &certificate);
        self.write("shown.key", &key);
    }

    fn issuer(&self) -> HttpIssuer {
        issuer(self.folder.path(), &self.base(), &self.server.ca_file()).unwrap()
    }

    fn base(&self) -> String {
        format!("{}{}", self.served.address, self.played.path())
    }

    /// What a read and a change come to, with nothing made.
    async fn refuses(&self, words: &[&str]) {
        self.refuses_as(&ErrorKind::Denied, words).await;
    }

    /// The same where a change comes to this.
    async fn refuses_as(&self, change: &ErrorKind, words: &[&str]) {
        let (issuer, tag) = (self.issuer(), Tag::new("keywheel-example-1"));
        for (error, kind) in [
            (issuer.find(&tag).await.unwrap_err(), &ErrorKind::Denied),
            (issuer.mint(&tag).await.err().unwrap(), change),
        ] {
            assert_eq!(&error.kind, kind, "{error}");
            for word in words {
                assert!(error.message.contains(word), "`{word}`: {error}");
            }
        }
        assert_eq!(self.played.count(), (0, 0), "something was made");
    }
}

fn issuer(folder: &Path, base: &str, ca_file: &Path) -> Result<HttpIssuer, Error> {
    let manager = match folder.join("manager").exists() {
        true => "credentials.manager.file = 'manager'\n",
        false => "",
    };
    let own = std::fs::read_to_string(folder.join("acme.toml")).unwrap();
    let shown = match own.contains("tls =") {
        true => "credentials.shown.file = 'shown.pem'\ncredentials.shown_key.file = 'shown.key'\n",
        false => "",
    };
    let options: HttpOptions = toml::from_str(&format!(
        "pack = 'acme'\nbase_url = '{base}'\nca_file = '{}'\nparameters.workspace = 'example'\n{manager}{shown}",
        ca_file.display()
    ))
    .unwrap();
    let key = FingerprintKey::new(&SecretValue::from("example of a key".to_owned()));
    HttpIssuer::new(&options, folder, folder, Arc::new(key))
}

#[tokio::test]
async fn our_certificate_is_shown_beside_what_the_header_says() {
    let door = Door::set().await;
    let (issuer, tag) = (door.issuer(), Tag::new("keywheel-example-1"));
    let made = issuer.mint(&tag).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Alive);
    assert_eq!(
        issuer.find(&tag).await.unwrap(),
        std::slice::from_ref(&made.id)
    );
    // One that is renewed where it lies is shown from then on, and one that is wrong is not hidden by what was kept.
    door.show(door.clients.client("renewed", true));
    assert_eq!(issuer.find(&tag).await.unwrap().len(), 1);
    door.show(Authority::make().client("keywheel", true));
    assert!(issuer.find(&tag).await.is_err());
    door.show(door.clients.client("keywheel", true));
    issuer.revoke(&made.id).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
    // The door is not the house: the header is looked at too.
    door.write("manager", "example-other-key");
    let error = issuer.find(&tag).await.unwrap_err();
    assert!(
        error.message.contains("our own credential is refused"),
        "{error}"
    );
}

/// RFC 6749, section 4.4, at a door that wants a certificate before it looks at the client's secret.
#[tokio::test]
async fn a_login_shows_the_certificate_of_its_own_way() {
    const LOGIN: &str = r#"headers = { authorization = "Bearer {token}" }
tls = { certificate = "shown", key = "shown_key" }
[auth.client]
basic = "keywheel:{manager}"
tls = { certificate = "shown", key = "shown_key" }
[auth.admin.login]
token = "/access_token"
lives = "/expires_in"
call = { post = "/token", auth = "client", form = { grant_type = "client_credentials" } }"#;
    const GATE: &str = r#"auth.admin.headers = { authorization = "Bearer {token}" }
auth.client.basic = "keywheel:example-manager-key""#;
    const ROUTE: &str = r#"

[[contract.routes]]
call = "POST /token"
auth = "client"
does = "login"
takes = { grant_type = "client_credentials" }
answer = { access_token = "{token}", expires_in = 3600 }
"#;
    let before = "auth.admin.headers = { authorization = \"Bearer example-manager-key\" }";
    let ways = pack()
        .replacen(&format!("{ADMIN}\n{TLS}"), LOGIN, 1)
        .replacen(before, GATE, 1)
        + ROUTE;
    let door = Door::of(&ways).await;
    let found = door.issuer().find(&Tag::new("keywheel-example-1")).await;
    assert_eq!(found.unwrap(), []);
    let asked = door.played.exchanges();
    assert_eq!(asked.first().unwrap().path, "/token");
    // Without it the door stays shut.
    let shut = ways.replacen(
        &format!("basic = \"keywheel:{{manager}}\"\n{TLS}"),
        "basic = \"keywheel:{manager}\"",
        1,
    );
    assert_ne!(shut, ways);
    door.write("acme.toml", &shut);
    door.refuses(&["without a certificate of their own", "say `tls`"])
        .await;
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_told_and_nothing_was_done() {
    let door = Door::set().await;
    let put = "put one that it takes where `credentials.shown` and `credentials.shown_key` point";
    let stranger =
        "127.0.0.1 refuses the certificate that we show, which no authority signed that it knows";
    door.show(Authority::called("example stranger").client("keywheel", true));
    door.refuses(&[stranger, put]).await;
    // Of another authority by the same name.
    door.show(Authority::make().client("keywheel", true));
    door.refuses(&["127.0.0.1 refuses the certificate that we show", put])
        .await;
    door.show(door.clients.client("keywheel", false));
    door.refuses(&["which is over or not in force yet", put])
        .await;
    // Nobody's, with a pack that shows none: its connections are kept, and what they say of a change is no proof.
    door.write("acme.toml", &example());
    let words = [
        "without a certificate of their own",
        "let the pack's `auth` say `tls`",
    ];
    door.refuses_as(&ErrorKind::UnknownOutcome, &words).await;
}

/// Words about a certificate undo nothing that was done before them.
#[tokio::test]
async fn what_is_said_of_a_certificate_after_a_request_was_taken_proves_nothing() {
    const LISTED: &str = "{ \"keys\": [] }";
    let (door, tag) = (Door::set().await, Tag::new("keywheel-example-1"));
    let issuer =
        |late: &Late| issuer(door.folder.path(), &late.address, &door.server.ca_file()).unwrap();
    // With a certificate of ours each request has a connection of its own: such a server never gets a second one.
    let asks_for_one = door.server.server_for(&door.clients);
    let late = Late::serve(&asks_for_one, When::SecondRequest, LISTED);
    let shows = issuer(&late);
    for connections in 1..=3 {
        assert_eq!(shows.find(&tag).await.unwrap(), []);
        assert_eq!(late.connections(), connections);
        until_kept().await;
    }
    let late = Late::serve(&asks_for_one, When::Body, LISTED);
    let shows = issuer(&late);
    let error = shows.mint(&tag).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::UnknownOutcome, "{error}");
    assert!(error.message.contains("broke the connection"), "{error}");
    let error = shows.find(&tag).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    // Without one they are kept.
    door.write("acme.toml", &example());
    let late = Late::serve(&door.server.server(), When::SecondRequest, LISTED);
    let shows_none = issuer(&late);
    for (changes, kind) in [
        (true, ErrorKind::UnknownOutcome),
        (false, ErrorKind::Denied),
    ] {
        assert_eq!(shows_none.find(&tag).await.unwrap(), []);
        until_kept().await;
        let error = match changes {
            true => shows_none.mint(&tag).await.err().unwrap(),
            false => shows_none.find(&tag).await.unwrap_err(),
        };
        assert_eq!(error.kind, kind, "{error}");
        let words = "refuses the certificate that we show, or that we show none";
        assert!(error.message.contains(words), "{error}");
    }
    assert_eq!(late.connections(), 2);
}

/// A connection goes back to those that are kept a moment after its answer was read.
async fn until_kept() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn what_is_no_certificate_is_told_before_anything_is_sent() {
    let door = Door::set().await;
    let (certificate, key) = door.clients.client("keywheel", true);
    let (_, other) = door.clients.client("keywheel", true);
    let pem = "not a certificate and its private key, each in PEM form";
    for (shown, words) in [
        (
            (certificate.clone(), other),
            "the private key is not that of the certificate",
        ),
        (("example".to_owned(), key.clone()), pem),
        ((certificate.clone(), "example".to_owned()), pem),
        ((key.clone(), certificate.clone()), ""),
    ] {
        door.show(shown);
        let told = door.issuer().find(&Tag::new("keywheel-example-1")).await;
        if words.is_empty() {
            // Which file has which part does not matter to TLS.
            assert!(told.is_ok());
            continue;
        }
        let error = told.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
        assert!(error.message.contains("`credentials.shown`"), "{error}");
        assert!(error.message.contains(words), "{error}");
        let quoted = key.lines().nth(1).unwrap();
        assert!(!error.message.contains(quoted), "a value is shown");
    }
    std::fs::remove_file(door.path("shown.key")).unwrap();
    let error = door
        .issuer()
        .find(&Tag::new("keywheel-example-1"))
        .await
        .unwrap_err();
    assert!(
        error.message.contains("shown.key` cannot be read"),
        "{error}"
    );
    let plain = issuer(
        door.folder.path(),
        "http://127.0.0.1:1",
        &door.server.ca_file(),
    );
    let error = plain.err().unwrap();
    assert!(
        error.message.contains("`base_url` is not encrypted"),
        "{error}"
    );
}

/// The service is as strict as it says: another program is let in with our certificate, and not without or with another.
#[tokio::test(flavor = "multi_thread")]
async fn curl_is_let_in_with_the_same_files_alone() {
    let door = Door::set().await;
    let url = format!("{}/workspaces/example/keys", door.base());
    let asked = |shown: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--write-out",
            "%{http_code}",
            "--cacert",
        ])
        .arg(door.server.ca_file())
        .args(["--header", "authorization: Bearer example-manager-key"])
        .args(shown)
        .arg(&url)
        .current_dir(door.folder.path());
        let told = curl.output().unwrap();
        (
            told.status.success(),
            String::from_utf8(told.stdout).unwrap(),
        )
    };
    let ours = ["--cert", "shown.pem", "--key", "shown.key"];
    let (ended, told) = asked(&ours);
    assert!(ended && told.ends_with("200"), "{told}");
    assert!(!asked(&[]).0, "curl was let in without a certificate");
    door.show(Authority::make().client("keywheel", true));
    assert!(
        !asked(&ours).0,
        "curl was let in with a stranger's certificate"
    );
}

/// `openssl s_server`, which hands out the files of a folder to clients of one authority; it ends with this.
struct OpenSsl {
    child: Child,
    port: u16,
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl OpenSsl {
    fn start(folder: &Path, server: &Authority, clients: &Authority, version: &str) -> Self {
        let (certificate, key) = server.pem();
        std::fs::write(folder.join("server.pem"), certificate).unwrap();
        std::fs::write(folder.join("server.key"), key).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut child = Command::new("openssl")
            .args([
                "s_server",
                "-WWW",
                "-Verify",
                "1",
                "-verify_return_error",
                version,
            ])
            .args(["-cert", "server.pem", "-key", "server.key", "-CAfile"])
            .arg(clients.ca_file())
            .args(["-accept", &format!("127.0.0.1:{port}")])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("ACCEPT") {
            line.clear();
            assert!(
                told.read_line(&mut line).unwrap() > 0,
                "openssl did not start"
            );
        }
        // Nobody else reads what it says of each connection.
        std::thread::spawn(move || told.read_to_end(&mut Vec::new()));
        Self { child, port }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_openssl_sees_our_certificate() {
    for version in ["-tls1_3", "-tls1_2"] {
        let door = Door::set().await;
        // Its id, as it would be listed.
        let listed = "{ \"keys\": [{ \"id\": \"key-1\", \"label\": \"keywheel-example-1\" }] }";
        std::fs::create_dir_all(door.path("workspaces/example")).unwrap();
        door.write("workspaces/example/keys", listed);
        let openssl = OpenSsl::start(door.folder.path(), &door.server, &door.clients, version);
        let base = format!("https://127.0.0.1:{}", openssl.port);
        let issuer = issuer(door.folder.path(), &base, &door.server.ca_file()).unwrap();
        let tag = Tag::new("keywheel-example-1");
        let found = issuer.find(&tag).await;
        assert_eq!(found.unwrap().len(), 1, "{version}");
        door.show(Authority::called("example stranger").client("keywheel", true));
        let error = issuer.find(&tag).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{version}: {error}");
        assert!(
            error.message.contains("no authority signed that it knows"),
            "{version}: {error}"
        );
    }
}

#[tokio::test]
async fn such_a_pack_passes_but_for_its_certificate_which_is_not_played() {
    let report = check(&Pack::parse(&pack()).unwrap()).await.unwrap();
    let (told, failed) = (report.to_string(), report.failed());
    assert_eq!(failed, 0, "{told}");
    assert!(told.contains("our certificate is shown"), "{told}");
    assert!(told.contains("it is played without TLS"), "{told}");
}

#[test]
fn a_pack_whose_certificate_would_pass_for_a_credential_is_refused() {
    for (from, to, words) in [
        (
            TLS,
            "tls = { certificate = \"shown\", key = \"value\" }",
            "`auth.admin`: `tls` names no credential of ours: `value`",
        ),
        (
            KEY,
            "headers = { x-workspace = \"{workspace}\" }",
            "`auth.key` shows our certificate and no credential",
        ),
    ] {
        let wrong = pack().replacen(from, to, 1);
        assert_ne!(wrong, pack());
        let error = Pack::parse(&wrong).err().unwrap();
        assert!(error.message.contains(words), "{error}");
    }
}
