// What an event of a session tells besides data, as text that two runs can be compared by.
#pragma once

#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_messages/session.hpp"

namespace fuzz {

[[nodiscard]] inline std::string told(const ws::Session &session, ws::Event event) {
    switch (event) {
        case ws::Event::ping:
        case ws::Event::pong:
            return "[" + std::string(text(session.control_payload())) + "]";
        case ws::Event::close:
            return "[close " + std::string(session.peer_status().reason) + "]";
        case ws::Event::violation:
            return "[" + std::string(words(session.violation())) + "]";
        case ws::Event::exhausted:
        case ws::Event::piece:
        case ws::Event::eof:
        case ws::Event::fault:
        case ws::Event::room_full:
        case ws::Event::memory_full:
            break;
    }
    return {};
}

// No data may follow it.
[[nodiscard]] inline bool ends(ws::Event event) {
    return event == ws::Event::close || event == ws::Event::violation;
}

}  // namespace fuzz
