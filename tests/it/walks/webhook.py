"""A sender of webhooks, or their receiver: `webhook.py sender RECEIVER_URL` or `webhook.py receiver`.

The receiver takes what is signed with the new or with the old secret; the sender signs with the new one alone, all the
time, and counts what became of it. Both take their secret anew when they are told, after so many seconds where
`RELOADS_AFTER` says so, and prove the new one.
"""

import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

OWN = {name: os.environ[name.upper()] for name in ("id", "destination", "consumer", "instance")}
role, receiver = sys.argv[1], (sys.argv[2:] or [""])[0]
secrets, busy = [], threading.Lock()
counts = {"sent": 0, "refused": 0, "signatures": {}}


def load():
    lines = open(os.environ["SECRET_FILE"]).read().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    with busy:
        secrets[:] = [found[key].encode() for key in ("TOKEN", "TOKEN_OLD") if found.get(key)]


def signed(secret, body):
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def deliver():
    while True:
        body = json.dumps({"number": counts["sent"]}).encode()
        with busy:
            headers = {"x-signature": signed(secrets[0], body)}
            try:
                urllib.request.urlopen(urllib.request.Request(f"{receiver}/hook", body, headers)).close()
            except urllib.error.HTTPError:
                counts["refused"] += 1
            counts["sent"] += 1
            counts["signatures"][hashlib.sha256(secrets[0]).hexdigest()] = counts["sent"]
        time.sleep(0.005)


def prove(challenge):
    key = hmac.new(secrets[0], b"keywheel/handshake/v1", hashlib.sha256).digest()
    proof = hmac.new(key, digestmod=hashlib.sha256)
    for part in (*OWN.values(), challenge):
        proof.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return proof.hexdigest()


class Service(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, answer = 200, {}
        if self.path == "/-/reload":
            time.sleep(float(os.environ.get("RELOADS_AFTER", "0")))
            load()
        elif self.path == "/hook":
            taken = [hmac.compare_digest(signed(secret, body), self.headers["x-signature"]) for secret in secrets]
            status = 204 if any(taken) else 401
        elif self.path == "/counts":
            answer = {**counts, "signatures": len(counts["signatures"])}
        else:
            answer = {**OWN, "proof": prove(json.loads(body)["challenge"])}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode() if status == 200 else b"")

    def log_message(self, *_):
        pass


load()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(server.server_address[1], flush=True)
if role == "sender":
    threading.Thread(target=deliver, daemon=True).start()
server.serve_forever()
