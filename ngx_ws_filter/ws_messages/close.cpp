#include "ngx_ws_filter/ws_messages/close.hpp"

#include "ngx_ws_filter/ws_messages/utf8.hpp"

#include <cstring>

namespace ws {
namespace {

constexpr std::size_t code_size = 2;

}  // namespace

bool may_be_sent(std::uint16_t code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

Violation read_close(std::span<const std::uint8_t> payload, CloseStatus &status) noexcept {
    if (payload.empty()) {
        status = {.code = CloseCode::no_status, .reason = {}};
        return Violation::none;
    }
    if (payload.size() < code_size) {
        return Violation::close_payload_too_short;
    }
    const auto code = static_cast<std::uint16_t>(payload[0] << 8U | payload[1]);
    if (!may_be_sent(code)) {
        return Violation::close_code_invalid;
    }
    const std::span<const std::uint8_t> reason = payload.subspan(code_size);
    Utf8Validator text;
    if (!text.take(reason) || !text.complete()) {
        return Violation::close_reason_not_utf8;
    }
    status = {.code = static_cast<CloseCode>(code),
              .reason = {reinterpret_cast<const char *>(reason.data()), reason.size()}};
    return Violation::none;
}

std::size_t write_close(std::uint8_t *to, CloseCode code, std::string_view reason) noexcept {
    const auto number = static_cast<std::uint16_t>(code);
    if (!may_be_sent(number)) {
        return 0;
    }
    std::span<const std::uint8_t> text{reinterpret_cast<const std::uint8_t *>(reason.data()),
                                       reason.size()};
    if (text.size() > max_close_reason) {
        text = text.first(max_close_reason);
        text = text.first(text.size() - cut_code_point(text));
    }
    to[0] = static_cast<std::uint8_t>(number >> 8U);
    to[1] = static_cast<std::uint8_t>(number);
    if (!text.empty()) {
        std::memcpy(to + code_size, text.data(), text.size());
    }
    return code_size + text.size();
}

}  // namespace ws
