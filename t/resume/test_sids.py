"""docs/resume-protocol.md, sections 2, 6 and 9: which reconnect is let in, and what the others get."""

import re
from urllib.parse import quote

import pytest

from harness.backends import EchoBackend
from harness.resumable import another, connector, resumable
from harness.resume_client import OWN, SSH, ResumeClient, number, refused, NEW_SID, sized

__all__ = ["resumable"]

UNKNOWN = 4001


def assert_lives(one):
    """Nothing has happened to the session or its leg."""
    one.send(b"alive")
    one.receive(len(one.sent))
    assert one.received == one.sent


def broken(sid):
    """SIDs that resemble this one."""
    node, worker, session, secret = sid.split(".")
    yield ""
    yield sid[:-1]
    yield sid + "0"
    yield sid.upper() if sid.upper() != sid else sid[::-1]
    yield ".".join([node, worker, session, "0" * len(secret)])
    yield ".".join([node, worker, session, secret[:-1] + ("0" if secret[-1] != "0" else "1")])
    yield ".".join([node, worker, f"{int(session, 16) + 1:016x}", secret])
    yield ".".join([node, "0" * len(worker), session, secret])
    yield ".".join(["other", worker, session, secret])
    yield "x" * 256
    yield "x" * 257
    yield "a b"
    yield "\0"


def test_wrong_sids_are_unknown_and_harm_nobody(resumable):
    one = resumable()
    for sid in broken(one.sid):
        assert refused(one.try_resume(sid=sid)) == UNKNOWN, sid
    assert_lives(one)
    assert one.sid not in one.front.error_log()


def test_nobody_learns_from_the_answer_why_a_sid_is_unknown(resumable, raw):
    one = resumable(settings="ws_resume_bind $arg_user;")
    old = one.sid
    one.cut()
    one.resume()
    offer = [("Sec-WebSocket-Protocol", OWN)]

    def answer(sid, more=""):
        leg = raw(one.front.port)
        response = leg.handshake(f"/?sid={quote(sid, safe='')}&ack=0{more}", fields=offer)
        fields = [field for field in response.fields if field[0] != "date"]
        return response.status, response.reason, fields, leg.read_frame(), leg.buffer

    first = answer(old)
    assert first[3].close == (UNKNOWN, "unknown session")
    for sid in broken(one.sid):
        assert answer(sid) == first, sid
    assert answer(one.sid, "&user=another") == first
    assert_lives(one)


def test_query_with_two_sids_or_acks_is_unknown(resumable):
    one = resumable()
    for query in (f"?sid={one.sid}&sid={one.sid}&ack=0", f"?sid={one.sid}&ack=0&ack=0", "?sid",
                  "?sid=&ack=0"):
        assert refused(one.try_resume(query=query)) == UNKNOWN, query
    assert_lives(one)


def test_sid_is_decoded(resumable):
    one = resumable()
    one.cut("close")
    text = "".join(f"%{ord(c):02x}" for c in one.sid)
    one.resume(query=f"?x=1&sid={text}&ack=0&y=2")
    assert_lives(one)


@pytest.mark.parametrize("ack", ["", "&ack=", "&ack=x", "&ack=-1", "&ack=1", "&ack=1.0",
                                 "&ack=9223372036854775808", "&ack=18446744073709551616"])
def test_ack_that_is_none_or_ahead_is_refused_and_the_session_stays(resumable, ack):
    one = resumable()
    assert refused(one.try_resume(query=f"?sid={one.sid}{ack}")) == 4006
    assert_lives(one)


def test_ack_that_goes_back_is_refused_and_the_session_stays(resumable):
    one = resumable()
    one.send(b"hello")
    one.receive(5)
    one.wait_acked(5)
    one.cut("close")
    assert refused(one.try_resume(ack=4)) == 4005
    one.resume()
    assert_lives(one)


def test_sid_is_unknown_once_the_next_was_used(resumable):
    one = resumable()
    first = one.sid
    one.resume(echo=False)
    second = one.pending
    one.cut("reset")
    one.resume(echo=False)  # with the first, which is still valid, and gets the same second
    assert one.pending == second
    one.cut("reset")
    one.pending = None
    one.resume(sid=second, echo=False)
    one.sid = second
    assert refused(one.try_resume(sid=first)) == UNKNOWN
    assert_lives(one)


def test_echo_makes_the_old_sid_unknown(resumable):
    one = resumable()
    one.resume()
    assert_lives(one)
    assert refused(one.try_resume(sid=one.old_sids[0])) == UNKNOWN
    assert_lives(one)


def test_ack_of_new_bytes_makes_the_old_sid_unknown(resumable):
    one = resumable()
    first = one.sid
    one.resume(echo=False)
    one.send(b"proof")
    one.receive(5)
    one.send(b"!")
    one.receive(6)
    assert refused(one.try_resume(sid=first)) == UNKNOWN
    one.sid, one.pending = one.pending, None
    one.resume()
    assert_lives(one)


def test_foreign_echo_is_ignored(resumable):
    one = resumable()
    first = one.sid
    one.resume(echo=False)
    for text in ("", "x", one.pending[:-1], one.pending + "0", first):
        one.say(sized(NEW_SID, text.encode()))
    one.say(number(0x0007, 0))
    one.cut("reset")
    one.resume()
    assert_lives(one)


def test_replayed_request_of_a_session_that_is_over_is_unknown(resumable):
    one = resumable()
    assert one.close() == (1000, "")
    assert refused(one.try_resume()) == UNKNOWN


def test_sid_of_another_location_is_unknown(resumable, raw):
    one = resumable(settings="} location /other { ws_pass 127.0.0.1:1; ws_resume on;")
    one._path = "/other"
    assert refused(one.try_resume()) == UNKNOWN
    one._path = "/"
    assert_lives(one)
    other = another(one, raw)
    assert other.sid != one.sid


def test_sid_under_another_name_is_unknown(resumable):
    one = resumable(how={"name": SSH})
    one.name, one._offers = OWN, [OWN]
    assert refused(one.try_resume()) == UNKNOWN
    one.name, one._offers = SSH, [SSH]
    assert_lives(one)


def test_binding_must_be_equal_at_each_leg(resumable):
    one = resumable(settings="ws_resume_bind $http_x_user;", how={"fields": [("X-User", "ann")]})
    for fields in ([], [("X-User", "bob")], [("X-User", "ann ")], [("X-User", "anna")]):
        one._fields = fields
        if fields != [("X-User", "ann ")]:  # a blank at the end means nothing
            assert refused(one.try_resume()) == UNKNOWN, fields
    one._fields = [("X-User", "ann")]
    one.resume()
    assert_lives(one)


def test_reconnect_runs_the_whole_request(resumable):
    """Who may no longer enter does not come back, and harms no session."""
    one = resumable(settings="if ($http_x_out) { return 403; }")
    one.cut("close")
    leg = one._connect()
    answer = leg.handshake(f"/?sid={one.sid}&ack=0",
                           fields=[("Sec-WebSocket-Protocol", OWN), ("X-Out", "1")])
    assert answer.status == 403
    leg = one._connect()
    answer = leg.handshake(f"/?sid={one.sid}&ack=0", fields=[
        ("Sec-WebSocket-Protocol", OWN), ("Origin", "http://evil.example")])
    assert answer.status == 403
    one.resume()
    assert_lives(one)


def test_refusal_is_one_line_without_the_sid(resumable):
    one = resumable()
    sid = one.sid[:-1] + ("0" if one.sid[-1] != "0" else "1")
    assert refused(one.try_resume(sid=sid)) == UNKNOWN
    lines = re.findall(r"\[warn\].*ws: refused to resume.*", one.front.error_log())
    assert len(lines) == 1 and "unknown session, code 4001" in lines[0]
    assert sid not in lines[0] and "sid=" not in lines[0]


def test_other_session_with_this_number_is_none_of_ours(resumable, raw):
    one = resumable()
    other = another(one, raw)
    mixed = ".".join([*one.sid.split(".")[:3], other.sid.split(".")[3]])
    assert refused(one.try_resume(sid=mixed)) == UNKNOWN
    assert_lives(one)
    assert_lives(other)


def test_raw_client_with_a_sid_gets_a_session_of_its_own(resumable, raw):
    one = resumable()
    leg = raw(one.front.port)
    leg.open(f"/?sid={one.sid}&ack=0")
    leg.send_frame(2, b"raw")
    assert leg.read_data(3) == b"raw"
    assert_lives(one)
    assert len(one.service.connections) == 2


def test_unreached_service_is_told_behind_the_101(gateway, raw):
    front = gateway("location / { ws_pass 127.0.0.1:1; ws_resume on; }", log_format="$status $ws_close_code")
    leg = ResumeClient(connector(front, raw))._open()
    assert refused(leg) == 4003
    assert front.access_log(1) == ["101 4003"]


def test_unreached_service_has_its_status_where_a_page_is_configured(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(f"""
        location / {{ ws_pass 127.0.0.1:1; ws_resume on; error_page 502 = @other; }}
        location @other {{ ws_pass {service.address}; ws_resume on; }}""")
    one = ResumeClient(connector(front, raw)).begin()
    assert_lives(one)
