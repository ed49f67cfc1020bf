"""The module says its version, which stands in one place."""

import re

from harness.gateway import ROOT

VERSION = re.search(r'version\[\] = "(\d+\.\d+\.\d+)";',
                    (ROOT / "module" / "ngx_http_ws_version.hpp").read_text())[1]


def test_variable_tells_the_version(gateway, raw):
    front = gateway("location / { add_header Version $ws_version always; return 204; }")
    assert raw(front.port).handshake("/").get("version") == VERSION


def test_one_line_at_notice_tells_the_version(gateway):
    front = gateway("location / { return 204; }", log_level="notice", workers=2)
    [line] = [line for line in front.error_log().splitlines() if "ngx_http_ws_module" in line]
    assert "[notice]" in line and line.endswith(f"ngx_http_ws_module/{VERSION}")


def test_configuration_check_is_quiet(config_check):
    accepted, said = config_check("location / { ws_pass 127.0.0.1:9; }")
    assert accepted and "ngx_http_ws_module/" not in said


def test_newest_changes_are_those_of_the_version():
    first = (ROOT / "CHANGES").read_text().splitlines()[0]
    assert first.split()[:3] == ["Changes", "with", "ngx_ws_filter"]
    assert first.split()[3] == VERSION
