// The payload of a Close frame. RFC 6455, sections 5.5.1 and 7.4.
#pragma once

#include "ngx_ws_filter/ws_frames/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

struct CloseStatus {
    CloseCode code;           // CloseCode::no_status if the payload was empty; any value a peer may
                              // send, named in the enumeration or not
    std::string_view reason;  // in the payload
};

// Whether an endpoint may put this code into a Close (sections 7.4.1 and 7.4.2): 1000 to 1003, 1007
// to 1014, 3000 to 4999.
[[nodiscard]] bool may_be_sent(std::uint16_t code) noexcept;

// Reads and checks a received payload. Violation::none if `status` was filled; otherwise what is
// wrong: close_payload_too_short, close_code_invalid or close_reason_not_utf8, in this order.
[[nodiscard]] Violation read_close(std::span<const std::uint8_t> payload,
                                   CloseStatus &status) noexcept;

// Writes a payload to `to`, which has room for max_control_payload bytes, and returns its size: the
// code and the reason, which is UTF-8 and cut to max_close_reason bytes between two code points.
// For a code that may not be sent, CloseCode::no_status among them, the payload is empty.
std::size_t write_close(std::uint8_t *to, CloseCode code, std::string_view reason) noexcept;

}  // namespace ws
