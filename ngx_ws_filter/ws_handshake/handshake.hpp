// The verdict on an upgrade request, and the answer that follows from it. RFC 6455, section 4.2.
#pragma once

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

// With the HTTP status of the answer and, in brackets, the item of section 4.2.1. A request without
// Host (item 2) is the HTTP server's to refuse.
enum class Handshake : std::uint8_t {
    accepted,
    upgrade_missing,        // 426: no "websocket" in any Upgrade field, an ordinary request (3)
    http_2,                 // 505: HTTP/2 and later carry no Upgrade field
    http_1_0,               // 400: an upgrade needs HTTP/1.1 (1)
    method_not_get,         // 405 (1)
    connection_missing,     // 400: no "upgrade" in any Connection field (4)
    version_missing,        // 400 (6)
    version_unsupported,    // 426, with Sec-WebSocket-Version: 13; section 4.4
    key_missing,            // 400 (5)
    key_malformed,          // 400: repeated, or not base64 of 16 bytes (5)
    body_present,           // 400: bytes behind the request are frames, so it has no body
    subprotocol_malformed,  // 400: an offer that is no list of tokens (8)
    subprotocol_missing,    // 400: required, and none of ours was offered
};

[[nodiscard]] unsigned http_status(Handshake verdict) noexcept;

// What was wrong, for the log: lower case, no final stop.
[[nodiscard]] std::string_view words(Handshake verdict) noexcept;

struct Field {
    std::string_view name;
    std::string_view value;
};

// The fields that the answer to a refused request has because of the verdict.
[[nodiscard]] std::span<const Field> refusal_fields(Handshake verdict) noexcept;

// What the answer to an accepted request says; what is empty was not agreed on.
struct Agreement {
    std::string_view key;  // UpgradeRequest::key()
    std::string_view subprotocol;
    std::string_view extensions;
};

// The fields of the 101, but for "Connection: upgrade", which servers add to this status by
// themselves. They lie in `room`, and the value of Sec-WebSocket-Accept in `accept`. None if
// libcrypto could not compute that. RFC 6455, section 4.2.2, item 5.
inline constexpr std::size_t max_acceptance_fields = 4;
[[nodiscard]] std::span<const Field> acceptance_fields(
    const Agreement &agreement, std::array<char, accept_key_size> &accept,
    std::array<Field, max_acceptance_fields> &room) noexcept;

// What clients offer that can resume a session. It is no subprotocol of a service: to answer it is
// to speak docs/resume-protocol.md.
inline constexpr std::string_view resume_subprotocol = "v1.resume.ngx-ws-filter";

// Chooses the subprotocol of the service: the client's first offer that is `accepted`, or its first
// offer at all if `accepted` is empty. RFC 6455, sections 1.9 and 11.3.4. Offers are compared with
// case.
class SubprotocolChoice {
public:
    // What is `passed_over` counts as not offered. The lists last as long as the object, and so
    // does each value that is offered.
    explicit SubprotocolChoice(std::span<const std::string_view> accepted,
                               std::span<const std::string_view> passed_over = {&resume_subprotocol,
                                                                                1}) noexcept
        : accepted_(accepted), passed_over_(passed_over) {}

    // One Sec-WebSocket-Protocol field line. Offers may repeat; an element that is no token makes
    // the whole request malformed.
    void offer(std::string_view field_value) noexcept;

    // Empty if no offer suits or any is malformed. It lies in a value that was given to offer().
    [[nodiscard]] std::string_view chosen() const noexcept {
        return malformed_ ? std::string_view{} : chosen_;
    }
    [[nodiscard]] bool malformed() const noexcept { return malformed_; }

private:
    [[nodiscard]] bool acceptable(std::string_view name) const noexcept;

    std::span<const std::string_view> accepted_;
    std::span<const std::string_view> passed_over_;
    std::string_view chosen_;
    bool malformed_ = false;
};

}  // namespace ws
