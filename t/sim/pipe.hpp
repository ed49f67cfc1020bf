// One direction of a simulated connection: a kernel at each end and a way between them.
#pragma once

#include <deque>
#include <optional>

#include "t/sim/world.hpp"

namespace sim {

struct Path {
    std::size_t send_buffer = 0;     // bytes that may be written and not acknowledged
    std::size_t receive_buffer = 0;  // bytes that may have arrived and not been read
    std::uint64_t delay = 0;         // milliseconds one way
    std::uint64_t ack_delay = 0;     // at most so long an acknowledgement waits
};

// Each call moves any part of what it could; now and then one side stands still for a while.
class Pipe {
public:
    Pipe(Random &random, const Clock &clock, const Path &path)
        : random_(random), clock_(clock), path_(path) {}

    // --- the sender

    // Takes from the front, and returns how much that was.
    std::size_t write(std::string_view from);
    void shut();
    [[nodiscard]] bool is_shut() const { return shut_; }
    [[nodiscard]] std::size_t room() const {
        const std::size_t used = written_ - acknowledged_;
        return used < path_.send_buffer ? path_.send_buffer - used : 0;
    }
    [[nodiscard]] std::uint64_t written() const { return written_; }
    [[nodiscard]] bool takes() const {
        return !reset_ && !shut_ && room() != 0 && clock_.now >= writes_stall_until_;
    }
    // What its kernel has been told.
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

    // --- the receiver

    [[nodiscard]] std::string read(std::size_t most);
    [[nodiscard]] std::size_t readable() const { return queue_.size(); }
    [[nodiscard]] bool gives() const { return !queue_.empty() && clock_.now >= reads_stall_until_; }
    // Everything was read, and nothing follows.
    [[nodiscard]] bool ended() const { return fin_arrived_ && queue_.empty(); }

    // --- the connection

    // Either side is gone: nothing is written any more. What has arrived can still be read.
    void reset() {
        reset_ = true;
        flying_.clear();
        acks_.clear();
        ++changes_;
    }
    [[nodiscard]] bool is_reset() const { return reset_; }

    // Lets arrive what is due, and stand what is not.
    void tick();
    // When something is due next; nothing is if nobody acts.
    [[nodiscard]] std::optional<std::uint64_t> next() const;
    // Grows with each thing that may wake somebody.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }

private:
    struct Segment {
        std::uint64_t at;
        std::string bytes;
        bool fin;
    };
    struct Ack {
        std::uint64_t at;
        std::uint64_t total;
    };

    bool stalls(std::uint64_t &until);
    void arrive(Segment &segment);

    Random &random_;
    const Clock &clock_;
    Path path_;
    std::deque<Segment> flying_;
    std::deque<Ack> acks_;
    std::string queue_;  // arrived and not read
    std::uint64_t written_ = 0;
    std::uint64_t arrived_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t changes_ = 0;
    std::uint64_t writes_stall_until_ = 0;
    std::uint64_t reads_stall_until_ = 0;
    bool shut_ = false;
    bool fin_arrived_ = false;
    bool reset_ = false;
};

}  // namespace sim
