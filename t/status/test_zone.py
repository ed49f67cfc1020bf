"""The zone: kept over reloads, right while workers come and go, refused where it cannot be."""

import os
import signal

import pytest

from harness.backends import EchoBackend
from harness.gateway import wait_until
from harness.raw import BINARY
from harness.sessions import location, opened
from harness.status import counted, get, get_or_none, samples, sessions, wait_sum


def wait_exit(front, pids):
    wait_until(lambda: not set(pids) & set(front.workers() + front.workers(exiting=True)), 10,
               "the old workers' exit")


def say(client, size):
    client.send_frame(BINARY, bytes(size))
    assert len(client.read_data(size)) == size


def test_two_generations_of_workers_count_side_by_side(gateway, backend, raw):
    front = gateway(**counted(location(backend(EchoBackend))))
    old = opened(front, raw)
    say(old, 10)
    gone = front.reload()
    new = opened(front, raw)
    say(new, 20)
    say(old, 5)
    wait_sum(front, 35, "payload_bytes_total", **{"from": "client"})
    told = samples(front)
    assert told.sum("sessions") == 2
    assert told.sum("workers", configuration="current") == 1
    assert told.sum("workers", configuration="old") == 1
    assert {session["worker"] for session in sessions(front)["sessions"]} == {*gone, *front.workers()}
    old.send_close(1000)
    old.read_close()
    old.close()
    wait_exit(front, gone)
    told = samples(front)
    assert told.sum("sessions") == 1
    assert told.sum("workers", configuration="old") == 0
    assert told.sum("payload_bytes_total", **{"from": "client"}) == 35


def test_many_reloads_lose_nothing_and_take_no_more_memory(gateway, backend, raw):
    front = gateway(**{**counted(location(backend(EchoBackend))), "http": "ws_zone ws:32k;"})
    for number in range(1, 11):
        client = opened(front, raw)
        say(client, 1)
        client.send_close(1000)
        client.read_close()
        client.close()
        wait_sum(front, number, "closes_total")
        wait_exit(front, front.reload())
    told = samples(front)
    assert told.sum("payload_bytes_total", **{"from": "client"}) == 10
    assert told.sum("workers", configuration="current") == 1
    assert told.sum("workers", configuration="old") == 0
    assert "ws_zone is full" not in front.error_log()


def test_a_killed_worker_leaves_its_counts_and_no_ghosts(gateway, backend, raw):
    front = gateway(**counted(location(backend(EchoBackend)), workers=2))
    front.allow("exited on signal 9")
    clients = [opened(front, raw) for _ in range(20)]
    for client in clients:
        say(client, 1)
    wait_sum(front, 20, "payload_bytes_total", **{"from": "client"})
    victim = sessions(front)["sessions"][0]["worker"]
    theirs = [session for session in sessions(front)["sessions"] if session["worker"] == victim]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(front.workers()) == 2 and victim not in front.workers(), 10, "a new worker")
    told = samples(front)
    assert told.sum("sessions") == 20 - len(theirs)
    assert told.sum("payload_bytes_total", **{"from": "client"}) == 20
    assert told.sum("workers") == 2
    assert len(sessions(front)["sessions"]) == 20 - len(theirs)
    for _ in range(10):
        say(opened(front, raw), 1)
    wait_sum(front, 30, "payload_bytes_total", **{"from": "client"})
    assert samples(front).sum("sessions") == 30 - len(theirs)


def test_an_old_worker_that_is_killed_leaves_no_ghosts(gateway, backend, raw):
    """Nobody is started in its place."""
    front = gateway(**counted(location(backend(EchoBackend))))
    front.allow("exited on signal 9")
    opened(front, raw)
    wait_sum(front, 1, "sessions")
    [old] = front.reload()
    os.kill(old, signal.SIGKILL)
    wait_exit(front, [old])
    told = samples(front)
    assert told.sum("sessions") == told.sum("workers", configuration="old") == 0
    assert told.sum("handshakes_total", status="101") == 1
    assert not sessions(front)["sessions"]


def test_workers_that_are_terminated_leave_nothing(gateway, backend, raw):
    front = gateway(**counted(location(backend(EchoBackend)), workers=2))
    front.allow("open socket|aborting|exited on signal")
    for _ in range(10):
        opened(front, raw)
    wait_sum(front, 10, "sessions")
    gone = front.reload()
    for pid in gone:
        os.kill(pid, signal.SIGTERM)
    wait_exit(front, gone)
    assert samples(front).sum("sessions") == 0
    assert samples(front).sum("handshakes_total", status="101") == 10


def test_a_zone_of_another_size_goes_on_with_the_counts(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(**counted(location(service)))
    client = opened(front, raw)
    say(client, 7)
    wait_sum(front, 7, "payload_bytes_total", **{"from": "client"})
    front.reload(http="ws_zone ws:2m;")
    assert samples(front).sum("payload_bytes_total", **{"from": "client"}) == 7
    say(client, 1)  # seen by nobody
    say(opened(front, raw), 3)
    wait_sum(front, 10, "payload_bytes_total", **{"from": "client"})
    assert samples(front).sum("sessions") == 1
    client.close()


def test_a_name_that_is_gone_keeps_its_counts(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(**counted(location(service, "ws_status_zone before;")))
    client = opened(front, raw)
    client.close()
    wait_sum(front, 1, "closes_total", zone="before")
    front.reload(**counted(location(service, "ws_status_zone after;")))
    opened(front, raw)
    told = samples(front)
    assert told.sum("closes_total", zone="before") == told.sum("sessions", zone="after") == 1


def test_without_a_zone_nothing_is_counted(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(location(service))
    client = opened(front, raw)
    say(client, 7)
    client.close()
    front.reload(**counted(location(service)))
    say(opened(front, raw), 3)
    wait_sum(front, 3, "payload_bytes_total", **{"from": "client"})
    # And back.
    front.reload(locations=location(service), http="")
    say(opened(front, raw), 3)


def test_a_process_without_a_master_counts(gateway, backend, raw):
    front = gateway(**counted(location(backend(EchoBackend)), main="master_process off;", workers=0))
    wait_until(lambda: get_or_none(front), 10, "an answer")
    client = opened(front, raw)
    say(client, 7)
    wait_sum(front, 7, "payload_bytes_total", **{"from": "client"})
    assert samples(front).sum("sessions") == samples(front).sum("workers") == 1
    assert sessions(front)["sessions"][0]["worker"] == front.pid
    client.close()


def test_it_is_scraped_while_workers_die(gateway, backend, raw):
    front = gateway(**counted(location(backend(EchoBackend)), workers=2))
    front.allow("exited on signal 9")
    served = 0
    for _ in range(5):
        clients = [opened(front, raw) for _ in range(4)]
        served += len(clients)
        wait_sum(front, served, "handshakes_total", status="101")
        os.kill(front.workers()[0], signal.SIGKILL)
        for _ in range(20):
            try:
                status, _, text = get(front)
            except OSError:
                continue  # the one that was asked was the one that was killed
            assert status == 200 and text.endswith("\n")
        wait_until(lambda: len(front.workers()) == 2, 10, "a new worker")
        for client in clients:
            client.close()
    wait_sum(front, 0, "sessions")
    assert samples(front).sum("handshakes_total", status="101") == served
    assert samples(front).sum("workers") == 2


@pytest.mark.parametrize("http, expected", [
    ("ws_zone ws;", 'invalid zone size "ws" in "ws_zone": expected a name and a size such as ws:1m'),
    ("ws_zone ws:;", 'invalid zone size "ws:" in "ws_zone"'),
    ("ws_zone ws:much;", 'invalid zone size "ws:much" in "ws_zone"'),
    ("ws_zone :1m;", 'invalid zone name ":1m"'),
    ("ws_zone ws:8k;", 'zone "ws:8k" is too small'),
    ("ws_zone a:1m; ws_zone b:1m;", '"ws_zone" directive is duplicate'),
    ("ws_zone a:1m; limit_conn_zone $uri zone=a:1m;",
     'the shared memory zone "a" is already declared for a different use'),
    ("", '"ws_status" needs "ws_zone" in the http block'),
])
def test_what_cannot_be_is_refused(config_check, http, expected):
    accepted, said = config_check("location = /status { ws_status; }", http=http)
    assert not accepted
    assert expected in said, said
    assert "nginx.conf:" in said


def test_a_zone_too_small_for_its_names_is_refused(config_check):
    names = "".join(f"location = /{i} {{ ws_pass 127.0.0.1:1; ws_status_zone n{i}; }}"
                    for i in range(20))
    accepted, said = config_check(names, http="ws_zone ws:32k;")
    assert not accepted
    assert 'ws: zone "ws" is too small: 20 names and the workers need at least' in said, said


@pytest.mark.parametrize("locations, expected", [
    ("location / { ws_status; ws_status; }", '"ws_status" directive is duplicate'),
    ("location / { ws_status on; }", 'invalid number of arguments in "ws_status" directive'),
    ("location / { ws_status; ws_pass 127.0.0.1:1; }", '"ws_pass" cannot stand beside another'),
    ("location / { ws_pass 127.0.0.1:1; ws_status; }", '"ws_pass" cannot stand beside another'),
    ("ws_status;", '"ws_status" directive is not allowed here'),
])
def test_a_location_that_cannot_tell_is_refused(config_check, locations, expected):
    accepted, said = config_check(locations, http="ws_zone ws:1m;")
    assert not accepted
    assert expected in said, said


def test_a_reload_with_a_broken_zone_changes_nothing(gateway, backend, raw):
    service = backend(EchoBackend)
    front = gateway(**counted(location(service)))
    front.allow(r"too small|\[emerg\]")
    client = opened(front, raw)
    say(client, 7)
    front.write_config(http="ws_zone ws:8k;")
    front.signal(signal.SIGHUP)
    front.wait_log("is too small")
    say(client, 1)
    wait_sum(front, 8, "payload_bytes_total", **{"from": "client"})
    assert samples(front).sum("workers", configuration="current") == 1
    client.close()


def wait_generations(front, count):
    wait_until(lambda: front.error_log().count("ngx_http_ws_module/") >= count, 10, "a configuration")


@pytest.mark.parametrize("zone", ["", "ws_zone ws:2m;", "ws_zone other:1m;"])
def test_sessions_of_a_process_without_a_master_outlive_their_zone(gateway, backend, raw, zone):
    """nginx unmaps what the new configuration does not have, and takes nobody new then."""
    service = backend(EchoBackend)
    place = location(service, "ws_session_key $arg_user; ws_limit_sessions 2;")
    front = gateway(**counted(place, main="master_process off;", workers=0))
    wait_until(lambda: get_or_none(front), 10, "an answer")
    clients = []
    for _ in range(2):
        clients.append(raw(front.port))
        clients[-1].open("/?user=ada")
        say(clients[-1], 7)
    for turn in range(2, 5):
        front.write_config(locations=location(service), http=zone)
        front.signal(signal.SIGHUP)
        wait_generations(front, turn)
        for client in clients:
            say(client, 70_000)
    for client in clients:
        client.send_close(1000)
        assert client.read_close()[0] == 1000
        client.close()
    front.quit()
    assert front.wait() == 0
