"""ws_session_key, ws_limit_sessions and ws_control: what nginx -t refuses, and how it says so."""

import pytest

from harness.gateway import line_named

PASS = "ws_pass 127.0.0.1:9;"
ZONE = "ws_zone ws:1m;"
KEY = "ws_session_key $arg_user;"


@pytest.mark.parametrize("value", ["x", "-1", "2m", "''", "0 displace"])
def test_a_limit_is_a_number(config_check, value):
    accepted, said = config_check(f"location / {{ {PASS} {KEY} ws_limit_sessions {value}; }}",
                                  http=ZONE)
    assert not accepted
    assert f'invalid value "{value.split()[0].strip(chr(39))}" in "ws_limit_sessions"' in said
    assert "expected a number such as 3" in said


def test_behind_a_limit_stands_displace_or_nothing(config_check):
    accepted, said = config_check(f"location / {{ {PASS} {KEY} ws_limit_sessions 3 replace; }}",
                                  http=ZONE)
    assert not accepted
    assert 'invalid value "replace" in "ws_limit_sessions": expected "displace" behind' in said


@pytest.mark.parametrize("directive", ["ws_limit_sessions 3", KEY.strip(";")])
def test_it_stands_once(config_check, directive):
    accepted, said = config_check(
        f"location / {{ {PASS} {KEY if 'key' not in directive else ''} {directive}; {directive}; }}",
        http=ZONE)
    assert not accepted and "is duplicate" in said


@pytest.mark.parametrize("where", ["http", "location"])
def test_a_limit_needs_a_zone(config_check, tmp_path, where):
    parts = {"http": "ws_limit_sessions 3;"} if where == "http" else {}
    inner = "" if where == "http" else "ws_limit_sessions 3;"
    accepted, said = config_check(f"location / {{ {PASS} {KEY} {inner} }}", **parts)
    assert not accepted
    assert '"ws_limit_sessions" needs "ws_zone" in the http block' in said
    assert "ws_limit_sessions 3;" in line_named(tmp_path / "config_check", said)


def test_a_limit_needs_a_key(config_check):
    accepted, said = config_check(f"location / {{ {PASS} ws_limit_sessions 3; }}", http=ZONE)
    assert not accepted and '"ws_limit_sessions" needs "ws_session_key"' in said


def test_an_inherited_limit_is_ended_by_0(config_check):
    accepted, said = config_check(f"location / {{ {PASS} ws_limit_sessions 0; }} location /other {{ }}",
                                  http="ws_limit_sessions 3;")
    assert accepted, said


def test_a_zone_may_stand_behind(config_check):
    accepted, said = config_check(f"location / {{ {PASS} {KEY} ws_limit_sessions 1 displace; }}",
                                  http=f"ws_limit_sessions 3; {ZONE}")
    assert accepted and "warn" not in said, said


def test_a_key_without_a_zone_is_warned_of(config_check):
    accepted, said = config_check(f"location / {{ {PASS} {KEY} }}")
    assert accepted and '"ws_session_key" has no effect without "ws_zone"' in said


@pytest.mark.parametrize("directive", ["ws_control", "ws_status"])
def test_a_location_that_controls_or_tells_needs_a_zone(config_check, tmp_path, directive):
    accepted, said = config_check(f"location / {{ {directive}; }}")
    assert not accepted and f'"{directive}" needs "ws_zone" in the http block' in said
    assert directive in line_named(tmp_path / "config_check", said)


def test_control_stands_once_and_not_beside_ws_pass(config_check):
    accepted, said = config_check("location / { ws_control; ws_control; }", http=ZONE)
    assert not accepted and "is duplicate" in said
    accepted, said = config_check(f"location / {{ ws_control; {PASS} }}", http=ZONE)
    assert not accepted and '"ws_pass" cannot stand beside another directive' in said
