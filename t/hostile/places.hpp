// The locations of locations.conf, and what stands behind each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hostile {

enum class Framing : std::uint8_t { stream, line, length, typed };

enum class Service : std::uint8_t {
    echo,
    moody,    // an echo that trickles, stalls, or has small buffers
    garbage,  // anything but an echo
    shared,   // an echo, but for who begins with a request for /kept: that one speaks HTTP
    resumed,  // an echo, for clients that speak docs/resume-protocol.md, or nearly
    none,     // nginx answers by itself
};

struct Place {
    std::string_view name;
    Service service = Service::echo;
    Framing framing = Framing::stream;
    bool text = false;        // what the client gets has to be text
    bool deflate = false;     // if the client offers it
    bool pongs = false;       // the client's pongs are what confirms
    bool half_close = false;  // an echo arrives although the client has said Close
    std::uint64_t max_message = 0;

    [[nodiscard]] bool echoes() const {
        return service == Service::echo || service == Service::moody || service == Service::shared;
    }
    // The bytes of the messages are those that the backend gets.
    [[nodiscard]] bool is_stream() const { return framing == Framing::stream; }
};

// So many kinds of garbage, each on a port of its own.
constexpr std::size_t garbage_kinds = 8;

[[nodiscard]] std::span<const Place> places();

}  // namespace hostile
