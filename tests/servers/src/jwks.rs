//! A set of public keys as a web server serves it, and `PyJWT` as signer and as verifier of tokens.

use crate::python::Packages;
use crate::serve::{Served, serve};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};

const PACKAGES: &[&str] = &["cryptography==50.0.2", "pyjwt==2.15.1"];

/// Signs and verifies, one request a line. A verifier keeps the set as long as it is told, also where a token names a
/// key that is not in it.
const SCRIPT: &str = r#"
import json, sys, time, jwt
client = jwt.PyJWKClient(sys.argv[1], cache_keys=False, cache_jwk_set=True, lifespan=float(sys.argv[2]))
def sign(asked):
    now = time.time()
    claims = {"sub": "example", "iat": now, "exp": now + asked["life"]}
    return jwt.encode(claims, asked["key"], algorithm=asked["alg"], headers={"kid": asked["kid"]})
def verify(token):
    header = jwt.get_unverified_header(token)
    keys = [key for key in client.get_jwk_set().keys if key.key_id == header["kid"]]
    if not keys:
        raise jwt.InvalidTokenError("no such key")
    return jwt.decode(token, keys[0], algorithms=[header["alg"]])["sub"]
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"told": sign(asked) if "key" in asked else verify(asked["token"])}
    except jwt.PyJWTError as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer), flush=True)
"#;

/// Serves a file at `/jwks.json`, as it is at each request.
pub async fn served(file: PathBuf) -> Served {
    let read = move || {
        let file = file.clone();
        async move {
            let text = tokio::fs::read_to_string(&file).await;
            text.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    serve(Router::new().route("/jwks.json", get(read)), None).await
}

/// A process with `PyJWT`; it ends when this is dropped.
pub struct PyJwt {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl PyJwt {
    /// A verifier that fetches the set at this address and keeps it so many seconds; `None` where the packages are not
    /// installed and cannot be, with the reason printed.
    #[must_use]
    pub fn start(url: &str, keeps_seconds: f64) -> Option<Self> {
        let mut process = Packages::installed(PACKAGES)?
            .command("python3")
            .args(["-c", SCRIPT, url, &keeps_seconds.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Some(Self { process, lines })
    }

    /// A token signed with this private key, valid for so many seconds.
    ///
    /// # Errors
    /// What `PyJWT` said.
    pub fn sign(
        &mut self,
        key: &str,
        kid: &str,
        algorithm: &str,
        life: u32,
    ) -> Result<String, String> {
        let asked = serde_json::json!({ "key": key, "kid": kid, "alg": algorithm, "life": life });
        self.ask(&asked)
    }

    /// Whether the verifier takes this token.
    ///
    /// # Errors
    /// What `PyJWT` said.
    pub fn verify(&mut self, token: &str) -> Result<String, String> {
        self.ask(&serde_json::json!({ "token": token }))
    }

    fn ask(&mut self, asked: &serde_json::Value) -> Result<String, String> {
        let stdin = self.process.stdin.as_mut().unwrap();
        writeln!(stdin, "{asked}").unwrap();
        let line = self.lines.next().unwrap().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&line).unwrap();
        match answer["told"].as_str() {
            Some(told) => Ok(told.to_owned()),
            None => Err(answer["refused"].as_str().unwrap().to_owned()),
        }
    }
}

impl Drop for PyJwt {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}
