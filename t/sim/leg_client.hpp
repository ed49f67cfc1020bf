// The client of a resumable session: it is cut at any byte, comes back, and finds every rule kept.
// docs/resume-protocol.md.
#pragma once

#include <optional>

#include "ngx_ws_filter/ws_resume/command.hpp"
#include "t/sim/client_script.hpp"
#include "t/sim/pipe.hpp"

namespace sim {

class LegClient {
public:
    enum class Wish { ends, half_closes, waits_for_end, never_returns };

    LegClient(Random &random, const Judge &judge, std::string up, std::string_view down);

    // One step on this leg.
    void turn(Pipe &out, Pipe &in, std::uint64_t now);

    // It comes on another connection: the ack of its query.
    [[nodiscard]] std::uint64_t come_back();
    // The sid of its query; empty if it has never had one, and cannot come back.
    [[nodiscard]] const std::string &sid() const { return sid_; }

    [[nodiscard]] Wish wish() const { return wish_; }
    // The leg is of no use any more: it is to be cut, or left by a new one.
    [[nodiscard]] bool wants_another_leg() const { return left_; }
    [[nodiscard]] bool over() const { return over_; }
    [[nodiscard]] std::optional<unsigned> close_code() const { return code_; }
    [[nodiscard]] std::string_view reason() const { return reason_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] std::uint64_t told() const { return told_; }
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
    [[nodiscard]] bool has_said_all() const { return sent_ == up_.size(); }
    [[nodiscard]] bool is_ending() const { return closing_; }

private:
    void write(Pipe &out);
    [[nodiscard]] std::string next_frame();
    [[nodiscard]] std::string longest();
    [[nodiscard]] std::string next_data();
    [[nodiscard]] std::string command(ws::Tag tag, std::uint64_t number);
    void read_frames();
    void take(unsigned opcode, std::string_view payload);
    void take_command(std::string_view payload);
    void take_greeting(ws::Tag tag, std::string_view body);
    void take_limits(std::string_view body);
    void take_data(std::string_view body);
    void take_close(std::string_view payload);

    Random &random_;
    const Judge &judge_;
    std::string up_;
    std::string_view down_;
    Wish wish_;
    std::string sending_;
    std::string got_;
    std::string reason_;
    std::optional<unsigned> code_;
    std::uint64_t sent_ = 0;       // of up_, on this leg or before it
    std::uint64_t most_sent_ = 0;  // on any leg
    std::uint64_t told_ = 0;       // by the gateway's ACK
    std::uint64_t received_ = 0;   // of down_
    std::uint64_t acknowledged_ = 0;
    std::uint64_t window_ = 0;
    std::uint64_t replay_ = 0;
    std::uint64_t most_data_ = ws::max_data;  // that it may send
    std::uint64_t most_to_come_ = 0;          // on this leg, if it has said so
    std::size_t cuts_left_;                   // or a long way would never be gone
    std::size_t cut_odds_;
    unsigned greeting_ = 0;  // commands of it so far
    std::string sid_;
    std::optional<std::string> pong_;  // due
    bool first_leg_ = true;
    bool said_end_ = false;
    bool heard_end_ = false;
    bool closing_ = false;
    bool left_ = false;
    bool over_ = false;
    bool echoes_ = false;
};

}  // namespace sim
