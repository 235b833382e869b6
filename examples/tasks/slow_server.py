"""A server that is slow: /page?after=5 answers after five seconds, /page?busy=2 says twice that it is busy.

python examples/tasks/slow_server.py 8099
"""

import sys
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = b"the quick brown fox jumps over the lazy dog\n"


class Page(BaseHTTPRequestHandler):
    """Every path is the same page. It says what it was asked, and what it answered."""

    asked: Counter[str] = Counter()

    def do_GET(self) -> None:
        wanted = parse_qs(urlsplit(self.path).query)
        self.asked[self.path] += 1
        print(f"asked for {self.path}", flush=True)
        time.sleep(float(wanted.get("after", ["0"])[0]))
        busy = self.asked[self.path] <= int(wanted.get("busy", ["0"])[0])
        self.send_response(503 if busy else 200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        with suppress(ConnectionError):  # whoever asked may have been killed meanwhile
            self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Not another line for each request."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page)
    print(f"slow pages at http://127.0.0.1:{server.server_port}/page", flush=True)
    server.serve_forever()
