"""A service that sends webhooks and makes the secrets that it signs them with: `signer.py PORT RECEIVER_URL…`.

It signs with one of them, and with another one from the moment at which it is told to; the one that signs cannot be
ended. What it knows lies in a file, so that it goes on with it when it is started again.
"""

import hashlib
import hmac
import http.server
import json
import os
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request

port, *receivers = sys.argv[1:]
busy = threading.Lock()
counts = {"sent": 0, "refused": 0, "activated": 0, "signed": []}
loses = []


def keep():
    with open(os.environ["STATE"], "w") as file:
        json.dump(known, file)


def deliver():
    while True:
        body = json.dumps({"number": counts["sent"]}).encode()
        with busy:
            signs = known["signs"]
            key = known["secrets"][signs]["value"].encode()
            headers = {"x-signature": hmac.new(key, body, hashlib.sha256).hexdigest()}
            for receiver in receivers:
                try:
                    urllib.request.urlopen(urllib.request.Request(f"{receiver}/hook", body, headers)).close()
                except urllib.error.HTTPError:
                    counts["refused"] += 1
                counts["sent"] += 1
            if counts["signed"][-1:] != [signs]:
                counts["signed"].append(signs)
        time.sleep(0.005)


class Admin(http.server.BaseHTTPRequestHandler):
    def answer(self, status, told):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def asked(self):
        """The path in parts, and the body; the path is empty for somebody who may not ask."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        may = self.headers.get("authorization") == f"Bearer {os.environ['ADMIN']}"
        return self.path.strip("/").split("/") if may else [], json.loads(body or "{}")

    def do_GET(self):
        if self.asked()[0] != ["secrets"]:
            return self.answer(401, {"error": "unknown"})
        with busy:
            told = [{"id": id, "label": one["label"]} for id, one in known["secrets"].items()]
        self.answer(200, {"secrets": told})

    def do_POST(self):
        path, told = self.asked()
        with busy:
            if self.path == "/counts":
                return self.answer(200, {**counts, "secrets": list(known["secrets"])})
            if self.path == "/lose":
                loses.append("the next activation")
                return self.answer(200, {})
            if path == ["secrets"]:
                known["made"] += 1
                id, value = f"sec-{known['made']}", "whsec_" + secrets.token_urlsafe(32)
                known["secrets"][id] = {"label": told["label"], "value": value}
                keep()
                return self.answer(201, {"id": id, "value": value})
            if path[2:] != ["activate"] or path[1] not in known["secrets"]:
                return self.answer(404 if path else 401, {"error": "unknown"})
            known["signs"] = path[1]
            counts["activated"] += 1
            keep()
            if not loses:
                return self.answer(200, {"signs": path[1]})
            loses.pop()

    def do_DELETE(self):
        path = self.asked()[0]
        with busy:
            if path[:1] != ["secrets"] or path[1] not in known["secrets"]:
                return self.answer(404 if path else 401, {"error": "unknown"})
            if known["signs"] == path[1]:
                return self.answer(409, {"error": "it signs"})
            del known["secrets"][path[1]]
            keep()
            self.answer(200, {})

    def log_message(self, *_):
        pass


with open(os.environ["STATE"]) as file:
    known = json.load(file)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Admin)
print(server.server_address[1], flush=True)
threading.Thread(target=deliver, daemon=True).start()
server.serve_forever()
