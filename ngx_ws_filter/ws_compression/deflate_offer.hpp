// Negotiation of permessage-deflate as its server does it. RFC 6455, section 9.1; RFC 7692,
// sections 5 and 7.1.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ws {

// What the server is willing to do.
struct DeflatePolicy {
    unsigned window_bits = 15;      // 9 to 15: no larger window is used where that can be asked for
    bool context_takeover = false;  // may a message refer to the messages before it
};

// What both sides agreed on, for the messages of the server and for those of the client.
struct DeflateParameters {
    unsigned server_bits = 15;  // 9 to 15
    unsigned client_bits = 15;  // 8 to 15
    bool server_no_takeover = false;
    bool client_no_takeover = false;
};

// Takes the first of the client's offers that can be kept. An offer with a parameter that is
// unknown, repeated or has a wrong value is declined (section 7.1), and so is a
// server_max_window_bits of 8, because zlib has no such window. Other extensions are ignored, and
// so is every field line that breaks the grammar, with all that it offers.
class DeflateNegotiation {
public:
    explicit DeflateNegotiation(const DeflatePolicy &policy) noexcept : policy_(policy) {}

    // Takes the value of one Sec-WebSocket-Extensions line; the order of the lines counts.
    void take(std::string_view field_value) noexcept;

    [[nodiscard]] bool agreed() const noexcept { return agreed_; }

    // Once agreed().
    [[nodiscard]] const DeflateParameters &parameters() const noexcept { return parameters_; }

    // Once agreed(): writes the value of the answer's Sec-WebSocket-Extensions and returns it.
    static constexpr std::size_t max_answer_size = 128;
    [[nodiscard]] std::string_view write_answer(
        std::span<char, max_answer_size> room) const noexcept;

private:
    DeflatePolicy policy_;
    DeflateParameters parameters_;
    bool agreed_ = false;
    bool names_server_bits_ = false;
    bool names_client_bits_ = false;
};

}  // namespace ws
