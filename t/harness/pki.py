"""A certificate authority for the tests, by the openssl command."""

import functools
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]


def _openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


@dataclass
class Pair:
    """A certificate and its key, as paths."""
    cert: Path
    key: Path


class Authority:
    """Issues certificates; its own is `cert`. All of it is gone with the object. It vouches for
    itself, or another authority, `by`, vouches for it."""

    def __init__(self, name="The tests' authority", by=None):
        self._folder = tempfile.TemporaryDirectory(prefix="ngx_ws_pki_")
        self._path = Path(self._folder.name)
        self._by = by
        self.cert = self._path / "ca.pem"
        if by:
            pair = by.issue(name, extensions="basicConstraints=critical,CA:TRUE\n")
            self.cert.write_bytes(pair.cert.read_bytes())
            (self._path / "ca.key").write_bytes(pair.key.read_bytes())
            return
        _openssl("req", "-x509", *_KEY, "-nodes", "-days", "2", "-subj", f"/CN={name}",
                 "-keyout", "ca.key", "-out", "ca.pem", cwd=self._path)

    def issue(self, name, *, alternative=None, days=2, password=None, extensions=""):
        """A certificate for this common name and the alternative name, DNS:`name` if none is
        given, and the authority's behind it unless it vouches for itself. An expired one has `days`
        -1. Its key is encrypted if there is a password."""
        stem = f"{len(list(self._path.iterdir()))}"
        secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        (self._path / f"{stem}.ext").write_text(
            f"subjectAltName={alternative or f'DNS:{name}'}\n{extensions}")
        _openssl("req", *_KEY, *secret, "-utf8", "-subj", f"/CN={name}", "-keyout", f"{stem}.key",
                 "-out", f"{stem}.csr", cwd=self._path)
        _openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-days", str(days), "-extfile", f"{stem}.ext", "-out", f"{stem}.pem",
                 cwd=self._path)
        if self._by:
            with open(self._path / f"{stem}.pem", "ab") as chain:
                chain.write(self.cert.read_bytes())
        return Pair(self._path / f"{stem}.pem", self._path / f"{stem}.key")

    def revoke(self, *pairs):
        """The path of a list that revokes these."""
        (self._path / "index").write_text("")
        (self._path / "ca.cnf").write_text(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\n"
            "default_crl_days = 2\n")
        own = ["ca", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"]
        for pair in pairs:
            _openssl(*own, "-revoke", str(pair.cert), cwd=self._path)
        _openssl(*own, "-gencrl", "-out", "crl.pem", cwd=self._path)
        return self._path / "crl.pem"


@functools.cache
def authority():
    """The one that most tests trust."""
    return Authority()


@functools.cache
def server_pair():
    """Its certificate for the name "backend"."""
    return authority().issue("backend")


@functools.cache
def client_pair():
    """Its certificate for a client."""
    return authority().issue("a client")


def server_tls(pair=None, *, ask=None, version=None):
    """The context of a TLS server. `ask` is the authority whose clients are let in, and only they;
    `version`, if given, is the only one that is spoken."""
    pair = pair or server_pair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # An end without a close_notify is an error, and not b"".
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.load_cert_chain(pair.cert, pair.key)
    if ask:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ask.cert)
    if version:
        context.minimum_version = context.maximum_version = version
    return context
