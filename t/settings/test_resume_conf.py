"""ws_resume and what belongs to it: which values `nginx -t` takes, and what it says of others."""

import pytest


def location(text):
    return f"location / {{ ws_pass 127.0.0.1:4000; {text} }}"


@pytest.mark.parametrize("text", ["ws_resume on;", "ws_resume off;", "ws_resume on away;",
                                  "ws_resume_timeout 5m;", "ws_resume_buffer 64k;",
                                  "ws_resume_bind $remote_user$remote_addr;"])
def test_value_is_accepted(config_check, text):
    accepted, said = config_check(location(text))
    assert accepted, said


@pytest.mark.parametrize("text", ["ws_resume_memory 1m;", "ws_resume_sessions 5;",
                                  "ws_resume_node eu-1;"])
def test_value_of_the_worker_is_accepted(config_check, text):
    accepted, said = config_check(location("ws_resume on;"), http=text)
    assert accepted, said


@pytest.mark.parametrize("text, expected", [
    ("ws_resume yes;", 'invalid value "yes" in "ws_resume": expected "on" or "off"'),
    ("ws_resume on later;", 'invalid value "later" in "ws_resume": expected "away"'),
    ("ws_resume off away;", 'expected nothing behind "off"'),
    ("ws_resume on; ws_resume on;", '"ws_resume" directive is duplicate'),
    ("ws_resume_timeout 0;", "expected a time above 0"),
    ("ws_resume_buffer 63k;", "expected a size from 64k to 2047m"),
    ("ws_resume_memory 1m;", '"ws_resume_memory" directive is not allowed here'),
])
def test_wrong_value_is_refused(config_check, text, expected):
    accepted, said = config_check(location(text))
    assert not accepted and expected in said, said


@pytest.mark.parametrize("name", ["a.b", "ä", "x" * 65, "''"])
def test_wrong_name_of_a_node_is_refused(config_check, name):
    accepted, said = config_check(location("ws_resume on;"), http=f"ws_resume_node {name};")
    assert not accepted and 'expected 1 to 64 letters, digits, "-" and "_"' in said, said
