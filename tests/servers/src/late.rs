//! A server that says of a certificate what belongs into the handshake, long after it: once it has taken a request.

use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::{
    AlertDescription, ConnectionTrafficSecrets, ContentType, ProtocolVersion, ServerConfig,
    ServerConnection, Stream, SupportedCipherSuite,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// When it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In place of the answer to a connection's second request.
    SecondRequest,
    /// After the status and half of the first answer's body.
    Body,
}

/// It speaks TLS 1.3 until the test ends, with a thread for each connection.
pub struct Late {
    /// `https://` and the port.
    pub address: String,
    connections: Arc<AtomicUsize>,
}

impl Late {
    /// Every request that it answers gets this JSON.
    #[must_use]
    pub fn serve(config: &ServerConfig, when: When, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let mut config = config.clone();
        // A record of our own has to be encrypted as the connection's next one.
        config.enable_secret_extraction = true;
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let config = Arc::clone(&config);
                std::thread::spawn(move || talk(socket, config, when, answer));
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A client that goes away ends it.
fn talk(mut socket: TcpStream, config: Arc<ServerConfig>, when: When, answer: &str) {
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut tls = ServerConnection::new(config).unwrap();
    let mut stream = Stream::new(&mut tls, &mut socket);
    let sent = match when {
        When::SecondRequest => answer,
        When::Body => answer.get(..answer.len() / 2).unwrap(),
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    let whole = format!("{head}{}\r\n\r\n{sent}", answer.len());
    let answered = took_request(&mut stream) && stream.write_all(whole.as_bytes()).is_ok();
    if !answered || (when == When::SecondRequest && !took_request(&mut stream)) {
        return;
    }
    if when == When::Body {
        // An alert that is read together with the status hides it.
        std::thread::sleep(Duration::from_secs(1));
    }
    socket.write_all(&alert(tls)).unwrap();
    // What lies unread when a socket closes takes the alert with it.
    drop(socket.read_to_end(&mut Vec::new()));
}

fn took_request(stream: &mut impl Read) -> bool {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return false;
        }
        head.push(byte[0]);
    }
    true
}

/// `bad_certificate`, fatal (RFC 8446, section 6), as the next record of this connection.
fn alert(tls: ServerConnection) -> Vec<u8> {
    let Some(SupportedCipherSuite::Tls13(suite)) = tls.negotiated_cipher_suite() else {
        panic!("not TLS 1.3");
    };
    let (sequence, secrets) = tls.dangerous_extract_secrets().unwrap().tx;
    let (ConnectionTrafficSecrets::Aes128Gcm { key, iv }
    | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
    | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets
    else {
        panic!("a cipher that is not known");
    };
    let said = [2, u8::from(AlertDescription::BadCertificate)];
    let plain = OutboundPlainMessage {
        typ: ContentType::Alert,
        version: ProtocolVersion::TLSv1_2,
        payload: OutboundChunks::Single(&said),
    };
    let mut encrypter = suite.aead_alg.encrypter(key, iv);
    encrypter.encrypt(plain, sequence).unwrap().encode()
}
