"""A folder on the disk served as Amazon S3 and Google Cloud Storage serve a bucket's objects.

As much of both protocols as reading needs: listings, what is known of an object, ranges of it.
Sources: Amazon S3 API Reference, ListObjectsV2, HeadObject and GetObject; Google Cloud Storage JSON
API v1, Objects: list and get. Signatures are not looked at.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen
from xml.sax.saxutils import escape

BUCKET = "bucket"
TIME, HTTP_TIME = "2026-03-01T00:00:00.000Z", "Sun, 01 Mar 2026 00:00:00 GMT"
GCS = "/storage/v1/b/"
PAGE = 3  # keys a listing, so that readers must ask for the next page


class Folder:
    """What is served. asked: requests by kind. Where a file `refuse` lies beside it, nothing is."""

    def __init__(self, folder: Path) -> None:
        self.path, self.asked = folder, Counter[str]()
        self.refuse = folder.with_name("refuse")

    def keys(self) -> list[str]:
        files = (path for path in self.path.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.path).as_posix() for path in files)

    def page(self, query: dict[str, str]) -> tuple[list[str], list[str], str]:
        """Keys, common prefixes, and where the next page begins ('' if there is none)."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        start = query.get("continuation-token") or query.get("pageToken") or ""
        most = min(int(query.get("max-keys") or query.get("maxResults") or PAGE), PAGE)
        found: dict[str, bool] = {}  # name -> is a common prefix
        for key in self.keys():
            if key.startswith(prefix):
                head, cut, _ = key[len(prefix) :].partition(delimiter or "\0")
                found[prefix + head + cut if cut else key] = bool(cut)
        names = [name for name in sorted(found) if name >= start]
        shown, rest = names[:most], names[most:]
        keys = [name for name in shown if not found[name]]
        return keys, [name for name in shown if found[name]], rest[0] if rest else ""


class Bucket(NamedTuple):
    """A server in a process of its own. (In this one it would wait for Python's lock, which the
    client for GCS keeps while it waits for an answer.)"""

    folder: Path
    endpoint: str

    def refuse(self) -> None:
        self.folder.with_name("refuse").touch()

    def asked(self) -> dict[str, int]:
        with urlopen(f"{self.endpoint}/-/asked") as answer:
            found: dict[str, int] = json.load(answer)
        return found


@contextmanager
def serving(folder: Path) -> Iterator[Bucket]:
    """The folder as BUCKET on a free port of this machine."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Bucket(folder, process.stdout.readline().strip())
        finally:
            process.terminate()


def _handler(folder: Folder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms
        wbufsize = -1

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            if folder.refuse.exists():
                self._send(403, b"<Error><Code>AccessDenied</Code></Error>")
            elif split.path == "/-/asked":
                self._send(200, json.dumps(folder.asked).encode())
            elif split.path.startswith(GCS):
                self._google(split.path.removeprefix(GCS), query)
            else:
                self._amazon(unquote(split.path), query)

        def _amazon(self, path: str, query: dict[str, str]) -> None:
            name, _, key = path.lstrip("/").partition("/")
            if name == BUCKET and "list-type" in query:
                folder.asked["listing"] += 1
                self._send(200, _xml(folder, query))
            elif name == BUCKET and not key:
                self._send(200, b"")
            else:
                self._object(key)

        def _google(self, path: str, query: dict[str, str]) -> None:
            name, _, key = path.partition("/o")
            key = unquote(key.lstrip("/"))
            if name != BUCKET:
                self._send(404, b"{}")
            elif not key:
                folder.asked["listing"] += 1
                keys, prefixes, after = folder.page(query)
                found: dict[str, Any] = {"items": [self._resource(k) for k in keys]}
                found |= {"prefixes": prefixes} | ({"nextPageToken": after} if after else {})
                self._send(200, json.dumps(found).encode())
            elif query.get("alt") == "media":
                self._object(key)
            elif key in set(folder.keys()):
                self._send(200, json.dumps(self._resource(key)).encode())
            else:
                self._send(404, b"{}")

        def _resource(self, key: str) -> dict[str, str]:
            size = (folder.path / key).stat().st_size
            return {"kind": "storage#object", "bucket": BUCKET, "name": key, "size": str(size),
                    "generation": "1", "updated": TIME, "timeCreated": TIME}  # fmt: skip

        def _object(self, key: str) -> None:
            path = folder.path / key
            if not key or not path.is_file():
                self._send(404, b"")
                return
            data, wanted = path.read_bytes(), self.headers.get("Range", "")
            if self.command == "HEAD" or not wanted:
                self._send(200, data)
                return
            folder.asked["range"] += 1
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last or len(data)), len(data) - 1)
            told = f"bytes {start}-{end}/{len(data)}"
            self._send(206, data[start : end + 1], **{"Content-Range": told})

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", HTTP_TIME)
            self.send_header("ETag", '"0"')
            self.send_header("x-amz-bucket-region", "us-east-1")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


def _xml(folder: Folder, query: dict[str, str]) -> bytes:
    keys, prefixes, after = folder.page(query)
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{TIME}</LastModified>"
        f"<ETag>0</ETag><Size>{(folder.path / key).stat().st_size}</Size></Contents>"
        for key in keys
    )
    common = "".join(
        f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in prefixes
    )
    more = f"<NextContinuationToken>{escape(after)}</NextContinuationToken>" if after else ""
    return (
        '<?xml version="1.0"?><ListBucketResult>'
        f"<Name>{BUCKET}</Name><Prefix>{escape(query.get('prefix', ''))}</Prefix>"
        f"<KeyCount>{len(keys)}</KeyCount><IsTruncated>{str(bool(after)).lower()}</IsTruncated>"
        f"{more}{contents}{common}</ListBucketResult>"
    ).encode()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(Folder(Path(sys.argv[1]))))
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201
    server.serve_forever()
