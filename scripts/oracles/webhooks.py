"""A receiver of webhooks that checks what it is sent with the library of Standard Webhooks, for tests.

    webhooks.py FOLDER [--fail-each N]

Prints its port. FOLDER/secrets has a secret a line, and may be written later. FOLDER/log gets a line of JSON for each message
that came: its id, its type, what it is about, which of the secrets verify it, and whether it was taken. With --fail-each, the
first try of every Nth message is answered with 500.
"""

import argparse
import http.server
import json
import pathlib
import sys
import threading

import standardwebhooks

arguments = argparse.ArgumentParser()
arguments.add_argument("folder", type=pathlib.Path)
arguments.add_argument("--fail-each", type=int, default=0)
options = arguments.parse_args()

lock = threading.Lock()
seen = set()
log = (options.folder / "log").open("a", buffering=1)


def verifying(body, headers):
    """The places of the secrets with which a message is ours."""
    good = []
    for place, secret in enumerate((options.folder / "secrets").read_text().split()):
        try:
            standardwebhooks.Webhook(secret).verify(body, headers)
            good.append(place)
        except standardwebhooks.WebhookVerificationError:
            pass
    return good


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        message = json.loads(body)
        about = next((thing["id"] for thing in message["data"].values() if isinstance(thing, dict) and "id" in thing), None)
        name = headers["webhook-id"]
        with lock:
            is_first = name not in seen
            seen.add(name)
            fails = bool(options.fail_each) and is_first and len(seen) % options.fail_each == 0
            log.write(
                json.dumps(
                    {
                        "id": name,
                        "type": message["type"],
                        "about": about,
                        "verifies": verifying(body, headers),
                        "taken": not fails,
                    }
                )
                + "\n"
            )
        self.send_response(500 if fails else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.daemon_threads = True
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
# It lives as long as who started it.
sys.stdin.read()
