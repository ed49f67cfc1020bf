// What a client has sent, read by the rules alone: what of it a backend may get, and how the
// session has to end. RFC 6455, sections 5 to 8, at their plainest.
#pragma once

#include "t/hostile/places.hpp"
#include "t/hostile/zlib_streams.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace hostile {

class Reading {
public:
    // `compression`: it was agreed upon. `takeover`: the client may refer to earlier messages.
    Reading(const Place &place, bool compression, bool takeover);

    // The next bytes behind the handshake.
    void take(sim::Bytes bytes);

    // Of all messages; exact until blurred().
    [[nodiscard]] const std::string &payload() const { return payload_; }
    // Compressed data has come that more than one reading is good for.
    [[nodiscard]] bool blurred() const { return blurred_; }
    [[nodiscard]] bool between_frames() const { return header_.empty() && left_ == 0; }
    // The code of the Close that the gateway owes, once it owes one: that of the client, 0 if it
    // has none, or that of a broken rule.
    [[nodiscard]] std::optional<unsigned> owed() const { return owed_; }
    [[nodiscard]] bool broken() const { return broken_; }
    [[nodiscard]] const std::vector<std::string> &pings() const { return pings_; }

private:
    [[nodiscard]] bool header_complete();
    void check_length(std::size_t extended);
    void begin_frame();
    void take_payload(sim::Bytes bytes);
    void take_data(sim::Bytes bytes);
    void end_frame();
    void end_close();
    void check_text(bool ends);
    void check_size();
    void break_rule(unsigned code);

    const Place &place_;
    bool compression_;
    bool takeover_;
    std::unique_ptr<Decompressor> decompressor_;
    std::string payload_;
    std::vector<std::string> pings_;
    std::optional<unsigned> owed_;
    bool broken_ = false;
    bool blurred_ = false;

    std::string header_;  // as far as it has come
    std::uint64_t length_ = 0;
    std::uint64_t left_ = 0;  // of the payload
    std::string key_;
    std::size_t key_at_ = 0;
    unsigned opcode_ = 0;
    bool fin_ = false;
    std::string control_;

    bool in_message_ = false;
    bool text_ = false;
    bool compressed_ = false;
    std::uint64_t claimed_ = 0;     // bytes of the message, by the headers so far
    std::size_t message_at_ = 0;    // in payload_
    std::size_t text_checked_ = 0;  // in payload_; what stands before it is whole code points
};

}  // namespace hostile
