"""`nginx -t` refuses what contradicts ws_pass, and warns of what has no effect beside it."""

import pytest

from harness.gateway import line_named

PASS = "ws_pass 127.0.0.1:9;"


ANSWERS = 'cannot stand beside another directive that answers the requests of a location'


@pytest.mark.parametrize("other", ["proxy_pass http://127.0.0.1:9;", "fastcgi_pass 127.0.0.1:9;",
                                   "empty_gif;", "stub_status;"])
def test_another_directive_that_answers_is_refused(config_check, tmp_path, other):
    accepted, said = config_check(f"location / {{\n{other}\n{PASS}\n}}")
    assert not accepted and f'"ws_pass" {ANSWERS}' in said
    assert line_named(tmp_path / "config_check", said) == PASS


@pytest.mark.parametrize("other", ["proxy_pass http://127.0.0.1:9;", "empty_gif;"])
def test_another_directive_that_answers_is_refused_behind_it_too(config_check, tmp_path, other):
    accepted, said = config_check(f"location / {{\n{PASS}\n{other}\n}}")
    assert not accepted and f'"ws_pass" {ANSWERS}' in said
    assert line_named(tmp_path / "config_check", said) == PASS


def test_what_answers_visitors_may_stand_in_a_block_inside(config_check):
    accepted, said = config_check(
        f"location / {{ {PASS} if ($http_upgrade = '') {{ proxy_pass http://127.0.0.1:9; }} }}"
        f" location /b {{ proxy_pass http://127.0.0.1:9; if ($http_upgrade) {{ {PASS} }} }}"
        f" location /c {{ {PASS} limit_except GET {{ proxy_pass http://127.0.0.1:9; }} }}")
    assert accepted, said
    assert "[warn]" not in said


# Of each case: what is written, with the useless directive last, and the words of the warning.
USELESS = {
    "limit_rate": ("limit_rate 1m;", '"limit_rate" does not limit'),
    "limit_rate of a variable": ("limit_rate $arg_rate;", '"limit_rate" does not limit'),
    "ws_frame_type of typed records": ("ws_framing typed;\nws_frame_type text;",
                                       '"ws_frame_type" has no effect with "ws_framing typed"'),
    "ws_ack_interval without pongs": (
        "ws_ack_interval 64k;", '"ws_ack_interval" has no effect without "ws_client_ack pong"'),
}


@pytest.mark.parametrize("case", USELESS, ids=lambda case: case.replace(" ", "_"))
def test_directive_without_effect_is_warned_of(config_check, tmp_path, case):
    directives, words = USELESS[case]
    accepted, said = config_check(f"location / {{\n{PASS}\n{directives}\n}}")
    assert accepted, said
    [line] = [line for line in said.splitlines() if "[warn]" in line]
    assert words in line
    # nginx's own directives leave no line.
    own = directives.splitlines()[-1] if directives.startswith("ws_") else PASS
    assert line_named(tmp_path / "config_check", line) == own


def test_inherited_limit_rate_is_warned_of_unless_it_is_ended(config_check):
    accepted, said = config_check(f"location / {{ {PASS} }}", http="limit_rate 1m;")
    assert accepted and '"limit_rate" does not limit' in said
    assert '"ws_upload_rate" and "ws_download_rate" do' in said
    accepted, said = config_check(f"location / {{ {PASS} limit_rate 0; }} location /files {{ }}",
                                  http="limit_rate 1m;")
    assert accepted and "[warn]" not in said


@pytest.mark.parametrize("directives", [
    "ws_framing typed;", "ws_framing line; ws_frame_type text;",
    "ws_client_ack pong; ws_ack_interval 64k;"])
def test_directive_with_an_effect_is_not_warned_of(config_check, directives):
    accepted, said = config_check(f"location / {{ {PASS} {directives} }}",
                                  server="ws_frame_type text; ws_ack_interval 1m;")
    assert accepted and "[warn]" not in said, said


@pytest.mark.parametrize("origin", ["wss://app.example", "WS://*.app.example"])
def test_address_of_a_socket_as_an_origin_is_warned_of(config_check, tmp_path, origin):
    accepted, said = config_check(f"location / {{\n{PASS}\nws_origin {origin};\n}}")
    assert accepted, said
    [line] = [line for line in said.splitlines() if "[warn]" in line]
    assert f'"{origin}" in "ws_origin" matches no page' in line
    assert line_named(tmp_path / "config_check", line) == f"ws_origin {origin};"


def test_clients_that_send_the_address_of_their_socket_are_named_by_a_variable(config_check):
    accepted, said = config_check(
        f"location / {{ {PASS} ws_origin same ws://$http_host wss://$http_host; }}")
    assert accepted and "[warn]" not in said


@pytest.mark.parametrize("directive", ["ws_upload_rate", "ws_download_rate"])
def test_a_rate_is_a_size_or_has_variables(config_check, directive):
    for value in ("x", "-1", "1x", "10s"):
        accepted, said = config_check(f"location / {{ {PASS} {directive} {value}; }}")
        assert not accepted
        assert f'invalid value "{value}" in "{directive}": expected a size such as 64k, variables' in said
    for value in ("0", "64k", "1m", "$arg_x", "${arg_x}k"):
        accepted, said = config_check(f"location / {{ {PASS} {directive} {value}; }}")
        assert accepted, said
