"""Certificates that checks meet: how long they are good for, and whether they are good at all."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.databases import only_sqlite
from tests.running import Vigies
from tests.vigie.test_health import ask, save

RUN = """mutation($id: ID!) { runHealthCheck(input: {id: $id}) {
    result { status message statusCode certificateExpiresAt } userErrors { message }
} }"""
HOUR = dt.timedelta(hours=1)


def certificate(folder: Path, name: str, *, hours: float) -> Path:
    """A certificate of its own for 127.0.0.1, good for so many hours from now, with its key in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 1000 * HOUR)
        .not_valid_after(now + hours * HOUR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """The address of a server with that certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = Quiet(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@only_sqlite
def test_a_certificate_that_ends_soon_is_told_before(vigies: Vigies, database_url: str, tmp_path: Path) -> None:
    files = {name: certificate(tmp_path, name, hours=hours) for name, hours in (("long", 240), ("short", 24))}
    files |= {"ended": certificate(tmp_path, "ended", hours=-1)}
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(b"".join(file.read_bytes() for file in files.values()))
    files["strange"] = certificate(tmp_path, "strange", hours=240)
    vigie = vigies.start(
        VIGIE_DATABASE_URL=database_url, VIGIE_ALLOWED_NETWORKS="127.0.0.1", SSL_CERT_FILE=str(trusted)
    )

    found = {}
    for name, file in files.items():
        with serving(file) as url:
            check = save(vigie, name=name, url=url, conditions=["[STATUS] == 200", "[CERTIFICATE_EXPIRATION] > 72h"])
            found[name] = ask(vigie, None, RUN, id=check["id"])["result"]

    assert (found["long"]["status"], found["long"]["message"]) == ("HEALTHY", None)
    ends = dt.datetime.fromisoformat(found["long"]["certificateExpiresAt"])
    assert abs(ends - dt.datetime.now(dt.UTC) - 240 * HOUR) < HOUR
    assert found["short"]["status"] == "DOWN"
    assert found["short"]["message"] == "[CERTIFICATE_EXPIRATION] > 72h: it is 24h"
    assert found["ended"]["message"] == "The certificate is not accepted: certificate has expired."
    assert found["strange"]["status"] == "DOWN"
    assert found["strange"]["message"].startswith("The certificate is not accepted: self")
