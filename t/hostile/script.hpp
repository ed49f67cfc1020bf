// What one hostile client does, made by a seed alone.
#pragma once

#include "t/hostile/places.hpp"
#include "t/hostile/tls_plan.hpp"

#include <string>
#include <vector>

namespace hostile {

struct Step {
    enum class Kind : std::uint8_t {
        send,          // `number` bytes
        pause,         // `number` milliseconds
        await_answer,  // to the handshake
        await_echo,    // of all that was sent
        stop_reading,
        read_on,
    };
    Kind kind;
    std::size_t number = 0;
};

enum class End : std::uint8_t {
    wait,   // for the gateway's end
    half,   // FIN, then the same
    cut,    // close()
    reset,  // the same with a reset
};

struct Script {
    std::uint64_t seed = 0;
    const Place *place = nullptr;
    bool hasty = false;  // the location with short timeouts
    bool tls = false;
    bool valid = false;          // no rule is broken: everything has to arrive
    bool whole_request = false;  // no byte of the request was changed
    bool answers_pings = false;
    std::size_t receive_buffer = 0;  // 0: as the kernel likes
    std::size_t segment = 0;         // at most so many bytes in one write; 0: all that there is
    TlsPlan tls_plan;
    std::string bytes;
    std::vector<Step> steps;  // they send the bytes, in order
    End end = End::wait;
};

[[nodiscard]] Script make_script(std::uint64_t seed);

}  // namespace hostile
