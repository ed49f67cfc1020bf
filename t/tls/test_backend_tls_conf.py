"""What `nginx -t` says of ws_ssl and its kin: a wrong one is refused where it is written."""

import pytest

from harness.gateway import certificate, line_named
from harness.pki import authority, client_pair

PASS = "location / {{ ws_pass 127.0.0.1:1; ws_ssl on; {0} }}"


def accepted(config_check, settings, **parts):
    return config_check(PASS.format(settings), **parts)


@pytest.mark.parametrize("settings", [
    "",
    "ws_ssl_protocols TLSv1.2 TLSv1.3; ws_ssl_ciphers HIGH:!aNULL;",
    "ws_ssl_verify on; ws_ssl_verify_depth 3; ws_ssl_trusted_certificate @CA@;",
    "ws_ssl_certificate @OURS@; ws_ssl_certificate_key @OUR_KEY@;",
    "ws_ssl_certificate $arg_a; ws_ssl_certificate_key $arg_b;",
    "ws_ssl_name $host; ws_ssl_server_name on; ws_ssl_session_reuse off;",
    "ws_ssl_conf_command Options PrioritizeChaCha; ws_ssl_conf_command MinProtocol TLSv1.2;",
])
def test_accepts(config_check, settings):
    pair = client_pair()
    for name, path in ("@CA@", authority().cert), ("@OURS@", pair.cert), ("@OUR_KEY@", pair.key):
        settings = settings.replace(name, str(path))
    good, said = accepted(config_check, settings)
    assert good, said


REFUSED = {
    "a key that is missing": (
        "ws_ssl_certificate {cert};", 'no "ws_ssl_certificate_key" is defined for certificate'),
    "a key that is missing, of a certificate with variables": (
        "ws_ssl_certificate $arg_a;", 'no "ws_ssl_certificate_key" is defined for certificate'),
    "somebody else's key": (
        "ws_ssl_certificate {cert}; ws_ssl_certificate_key {other_key};", "key values mismatch"),
    "a certificate that is not there": (
        "ws_ssl_certificate /none.pem; ws_ssl_certificate_key {key};", "/none.pem"),
    "a key that is not there": (
        "ws_ssl_certificate {cert}; ws_ssl_certificate_key /none.key;", "/none.key"),
    "verify without trust": (
        "ws_ssl_verify on;", 'no "ws_ssl_trusted_certificate" for "ws_ssl_verify"'),
    "trust that is not there": (
        "ws_ssl_verify on; ws_ssl_trusted_certificate /none.pem;", "/none.pem"),
    "trust that is no certificate": (
        "ws_ssl_verify on; ws_ssl_trusted_certificate {key};", '.key"'),
    "a list of the revoked that is not there": (
        "ws_ssl_verify on; ws_ssl_trusted_certificate {ca}; ws_ssl_crl /none.crl;", "/none.crl"),
    "passwords that are not there": (
        "ws_ssl_password_file /none.txt;", "/none.txt"),
    "a protocol that is none": (
        "ws_ssl_protocols TLSv9;", 'expected "SSLv2", "SSLv3", "TLSv1"'),
    "ciphers that are none": (
        "ws_ssl_ciphers NONE-OF-THESE;", "no cipher match"),
    "a command that is none": (
        "ws_ssl_conf_command Never Ever;", 'SSL_CONF_cmd("Never", "Ever") failed'),
    "a depth that is no number": (
        "ws_ssl_verify_depth deep;", "expected a number"),
    "a flag that is none": (
        "ws_ssl_verify maybe;", 'it must be "on" or "off"'),
    "two of one": (
        "ws_ssl_name a; ws_ssl_name b;", "is duplicate"),
    "two password files": (
        "ws_ssl_password_file {empty}; ws_ssl_password_file {empty};", "is duplicate"),
}


@pytest.mark.parametrize(("settings", "why"), REFUSED.values(), ids=REFUSED)
def test_refuses(config_check, tmp_path, settings, why):
    (tmp_path / "empty").touch()
    pair = client_pair()
    good, said = accepted(config_check, settings.format(
        cert=pair.cert, key=pair.key, other_key=certificate()[1], ca=authority().cert,
        empty=tmp_path / "empty"))
    assert not good
    assert why in said
    assert "nginx.conf" in said


# Found only when the whole configuration has been read: in each, the last line is the one at fault.
LATE = [
    "ws_ssl_certificate {cert};",
    "ws_ssl_certificate {cert};\nws_ssl_certificate_key {other_key};",
    "ws_ssl_certificate_key {key};\nws_ssl_certificate /none.pem;",
    "ws_ssl_certificate {cert};\nws_ssl_certificate_key /none.key;",
    "ws_ssl_verify on;",
    "ws_ssl_verify on;\nws_ssl_trusted_certificate /none.pem;",
    "ws_ssl_verify on;\nws_ssl_trusted_certificate {ca};\nws_ssl_crl /none.crl;",
    "ws_ssl_ciphers NONE-OF-THESE;",
    "ws_ssl_conf_command Options PrioritizeChaCha;\nws_ssl_conf_command Never Ever;",
]


def refusal(config_check, tmp_path, settings, **parts):
    """The last message about a wrong setting, and the line of the configuration that it names."""
    pair = client_pair()
    filled = settings.format(cert=pair.cert, key=pair.key, other_key=certificate()[1],
                             ca=authority().cert)
    good, said = accepted(config_check, f"\n{filled}\n", **parts)
    assert not good
    last = [line for line in said.splitlines() if "[emerg]" in line][-1]
    return last, line_named(tmp_path / "config_check", last), filled.splitlines()[-1:]


@pytest.mark.parametrize("settings", LATE)
def test_what_is_found_late_names_its_directive_and_its_line(config_check, tmp_path, settings):
    said, named, wrong = refusal(config_check, tmp_path, settings)
    assert [named] == wrong
    assert f'"{named.split()[0]}"' in said


def test_what_is_found_late_names_its_line_in_the_block_above(config_check, tmp_path):
    said, named, _ = refusal(config_check, tmp_path, "",
                             server="\nws_ssl_verify on;\nws_ssl_trusted_certificate /none.pem;\n")
    assert named == "ws_ssl_trusted_certificate /none.pem;"
    assert '"ws_ssl_trusted_certificate"' in said


def test_what_is_above_counts(config_check):
    good, said = accepted(config_check, "", server="ws_ssl_verify on;")
    assert not good
    assert 'no "ws_ssl_trusted_certificate" for "ws_ssl_verify"' in said
    # Without ws_ssl nothing is loaded and nothing is missed.
    good, said = config_check("location / { ws_pass 127.0.0.1:1; }", server="ws_ssl_verify on;")
    assert good, said
