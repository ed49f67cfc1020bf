// Inflates one message in any cuts and rooms, as a test wants to see it.
#pragma once

#include "t/unit/client_stream.hpp"
#include "t/unit/compression_states.hpp"

#include <algorithm>

namespace unit {

// RFC 7692, section 7.2.3.
inline constexpr std::string_view hello{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7};
inline constexpr std::string_view hello_again{"\xf2\x00\x11\x00\x00", 5};
inline constexpr std::string_view hello_final{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8};

struct Inflated {
    ws::InflateStatus status;  // needs_more: the message was good, up to its end
    std::size_t size;
};

// Inflates one message into `to`, cut as said and with rooms of at most `room_size` bytes, and
// writes nowhere else.
[[nodiscard]] inline Inflated inflate(ws::Inflater &inflater, Bytes message,
                                      std::span<std::uint8_t> to, Cut cut, std::size_t room_size) {
    std::size_t written = 0;
    for (bool more = true; more;) {
        const std::size_t given = std::min(cut.first, message.size());
        cut.first = cut.rest;
        Bytes part = message.first(given);
        message = message.subspan(given);
        more = !message.empty();
        ws::InflateStatus status = ws::InflateStatus::room_full;
        while (status == ws::InflateStatus::room_full) {
            const std::size_t size = std::min(room_size, to.size() - written);
            std::span<std::uint8_t> room = to.subspan(written, size);
            status = inflater.inflate(part, room, !more);
            written += size - room.size();
            check(status == ws::InflateStatus::room_full || written < to.size() || !more);
            check(status != ws::InflateStatus::room_full || room.empty());
        }
        if (status == ws::InflateStatus::broken) {
            return {status, written};
        }
        check(part.empty());
    }
    return {ws::InflateStatus::needs_more, written};
}

// In every cut, with rooms of every small size.
inline void inflates(std::string_view message, std::string_view wanted) {
    OwnInflater inflater;
    const Memory to(wanted.size() + 1);
    for (std::size_t room_size = 1; room_size <= wanted.size() + 1; ++room_size) {
        for_every_cut(message.size(), [&](Cut cut) {
            inflater.reset();
            const Inflated result = inflate(inflater, bytes(message), to.bytes(), cut, room_size);
            equal(result.status, ws::InflateStatus::needs_more);
            equal(text(to.first(result.size)), wanted);
        });
    }
}

// The same of a broken message; `before` is a good one.
inline void refuses(std::string_view message, std::string_view before = {}) {
    constexpr std::size_t room = 200;
    OwnInflater inflater;
    const Memory to(room);
    for (const std::size_t room_size : {std::size_t{1}, std::size_t{2}, std::size_t{5}, room}) {
        for_every_cut(message.size(), [&](Cut cut) {
            inflater.reset();
            if (!before.empty()) {
                const Cut whole{before.size(), 1};
                const Inflated good = inflate(inflater, bytes(before), to.bytes(), whole, room);
                equal(good.status, ws::InflateStatus::needs_more);
            }
            const Inflated result = inflate(inflater, bytes(message), to.bytes(), cut, room_size);
            equal(result.status, ws::InflateStatus::broken);
        });
    }
}

}  // namespace unit
