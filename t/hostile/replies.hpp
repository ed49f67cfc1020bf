// What the gateway says to one client, held to every rule that binds a server: RFC 6455, sections
// 4.2.2, 5 and 7, RFC 7692, and HTTP as far as nginx's answers go.
#pragma once

#include "t/hostile/zlib_streams.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace hostile {

class Replies {
public:
    void take(sim::Bytes bytes);

    // The first rule that was broken, or null.
    [[nodiscard]] const char *fault() const { return fault_; }

    [[nodiscard]] unsigned status() const { return status_; }  // 0: no answer yet
    [[nodiscard]] bool upgraded() const { return status_ == 101; }
    // Before the 101 others came, or what came is no HTTP that this reads.
    [[nodiscard]] bool confused() const { return confused_; }
    [[nodiscard]] std::string_view field(std::string_view name) const;

    // Of all messages, inflated.
    [[nodiscard]] const std::string &payload() const { return payload_; }
    // Between two messages.
    void forget_payload() { payload_.clear(), text_checked_ = 0; }
    // The code of the Close, 0 if it has none.
    [[nodiscard]] std::optional<unsigned> close() const { return close_; }
    // Payloads of pings that came since this was last asked.
    [[nodiscard]] std::vector<std::string> take_pings() { return std::exchange(pings_, {}); }
    [[nodiscard]] const std::vector<std::string> &pongs() const { return pongs_; }

private:
    enum class State : std::uint8_t { head, body, frames, ignored };

    void take_head();
    void take_body();
    void begin_frames();
    [[nodiscard]] bool take_frame();
    [[nodiscard]] const char *broken_by(unsigned first, unsigned second) const;
    void take_message(unsigned first, sim::Bytes payload);
    void take_control(unsigned opcode, std::string_view payload);
    void take_close(std::string_view payload);
    void check_text(bool ends);
    void wrong(const char *why);

    const char *fault_ = nullptr;
    State state_ = State::head;
    std::string unread_;
    std::string head_;
    unsigned status_ = 0;
    bool confused_ = false;
    std::uint64_t body_left_ = 0;
    std::unique_ptr<Decompressor> decompressor_;
    bool takeover_ = false;

    std::string payload_;
    bool in_message_ = false;
    bool text_ = false;
    bool compressed_ = false;
    std::size_t text_checked_ = 0;
    std::optional<unsigned> close_;
    std::vector<std::string> pings_;
    std::vector<std::string> pongs_;
};

}  // namespace hostile
