// What the life of a resumable session remembers of its legs, which are the client's connections
// one after the other.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"

namespace ws {

struct Legs {
    Millis grace = 0;            // a detached session is kept for so long; 0: it ends with its leg
    bool are_resumable = false;  // the client speaks the resume protocol
    bool keeps_going_away = false;  // the client's Close 1001 detaches too (ws_resume away)
    bool keeps_come_back = false;   // the client's Close 4004 detaches
    bool part_is_due = false;       // this leg is over, and its connection is to be closed
    bool has_begun = false;         // one leg at least has had its 101
    bool client_said_end = false;   // the stream to the backend has its end (EOF)
};

// A detached session, as another process goes on waiting for its client.
struct Waiting {
    Millis grace;           // left
    std::uint64_t dropped;  // payload of the client that goes nowhere
    bool client_said_end;
    bool backend_ended;
    bool backend_lost;
};

}  // namespace ws
