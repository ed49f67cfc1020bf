// One hostile client at work, and the judgement of what it got.
#pragma once

#include "t/hostile/channel.hpp"
#include "t/hostile/reading.hpp"
#include "t/hostile/replies.hpp"
#include "t/hostile/script.hpp"

namespace hostile {

using Milliseconds = std::int64_t;

struct Front {
    std::uint16_t port;
    std::uint16_t tls_port;
    Milliseconds patience;  // so long the gateway may take for anything
    bool renews_keys;       // whether its TLS can do so at any time
};

class Conversation {
public:
    Conversation(const Front &front, Script script, Milliseconds now);

    // Whatever happened: reads, goes on with the script, and writes.
    void turn(bool readable, Milliseconds now);

    [[nodiscard]] int socket() const { return channel_.socket(); }
    [[nodiscard]] bool over() const { return over_; }
    // It moved all the time, and so slowly that it was given up.
    [[nodiscard]] bool slow() const { return slow_; }
    [[nodiscard]] bool reads() const { return reads_; }
    [[nodiscard]] bool wants_to_write() const { return channel_.wants_to_write(); }

    // Of one that is over; empty if nothing is wrong.
    [[nodiscard]] const std::string &fault() const { return fault_; }
    [[nodiscard]] const Script &script() const { return script_; }
    [[nodiscard]] const Replies &replies() const { return replies_; }
    // What came of it, in words.
    [[nodiscard]] std::string outcome() const;

private:
    void receive();
    void go_on(Milliseconds now);
    [[nodiscard]] bool take_step(const Step &step, Milliseconds now);
    void send(std::string_view bytes);
    void begin_reading();
    void answer_pings();
    void finish();
    void hang_up(End end);
    [[nodiscard]] bool gateway_will_end() const;
    [[nodiscard]] bool echo_is_complete() const;
    [[nodiscard]] std::string_view echoed() const;

    void judge();
    [[nodiscard]] std::string judge_payload() const;
    [[nodiscard]] std::string judge_pongs() const;
    [[nodiscard]] std::string judge_close() const;
    [[nodiscard]] std::string judge_valid() const;
    [[nodiscard]] bool close_fits(unsigned code) const;
    [[nodiscard]] bool tells_all() const;
    [[nodiscard]] bool was_late() const;

    Script script_;
    Channel channel_;
    Replies replies_;
    std::unique_ptr<Reading> reading_;       // since the 101
    std::string sent_;                       // before TLS
    std::optional<std::string> unanswered_;  // the last ping
    std::size_t taken_ = 0;                  // of the script's bytes
    std::size_t step_ = 0;
    Milliseconds deadline_;
    Milliseconds give_up_at_;
    Milliseconds lost_before_;  // see lost_ms()
    Milliseconds patience_;
    Milliseconds resume_at_ = 0;
    bool reads_ = true;
    bool finished_ = false;
    bool cut_ = false;  // by us, or never all read
    bool over_ = false;
    bool slow_ = false;
    std::string fault_;
};

}  // namespace hostile
