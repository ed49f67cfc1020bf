"""What the servers show to clients that speak TLS."""

import subprocess


class Certificate:
    """For localhost, signed by itself; made when it is first asked for."""

    def __init__(self, folder):
        self._folder = folder

    def paths(self):
        """The certificate, its key, and a file with both."""
        cert, key, both = (self._folder / name for name in ("cert.pem", "key.pem", "both.pem"))
        if not both.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                            "/CN=localhost", "-keyout", key, "-out", cert],
                           check=True, capture_output=True)
            both.write_text(cert.read_text() + key.read_text())
        return cert, key, both

    def for_nginx(self, load):
        """What a listen directive says of TLS, with the directives behind it."""
        if not load.tls:
            return ""
        cert, key, _ = self.paths()
        return f" ssl; ssl_certificate {cert}; ssl_certificate_key {key}"
