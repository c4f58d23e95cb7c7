"""A receiver of webhooks on 127.0.0.1: keeps what it is sent and answers as it is told. Checks signatures as standardwebhooks.com says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading


class Receiver:
    """`answers` is what it answers next, one after the other; 200 when there is none left."""

    def __init__(self) -> None:
        self.got: list[dict] = []
        self.answers: list[int] = []
        self.came = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.came:
                    status = receiver.answers.pop(0) if receiver.answers else 200
                    receiver.got.append(
                        {"path": self.path, "headers": dict(self.headers), "body": body, "status": status}
                    )
                    receiver.came.notify_all()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def wait(self, n: int, seconds: float = 30.0) -> list[dict]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.got) >= n, seconds), f"{len(self.got)} of {n} came"
            return list(self.got)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def verified(got: dict, secret: str) -> dict:
    """The message, if its signature is the secret's."""
    headers = {k.lower(): v for k, v in got["headers"].items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + got["body"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert hmac.compare_digest(headers["webhook-signature"], f"v1,{digest}")
    return json.loads(got["body"])
