"""Sessions whose line of the access log counts their bytes."""

# A backend whose kernel soon acknowledges no more.
TINY = {"receive_buffer": 4096}
COUNTS = {"log_format": "$ws_bytes_in $ws_undelivered_backend $ws_undelivered_client"
                        " $ws_close_code $ws_closed_by"}


def counts(one):
    taken, backend, client, code, by = one.front.access_log(lines=1)[0].split()
    return int(taken), int(backend), int(client), int(code), by
