// What a request asks of ws_control: the fields of a form, as application/x-www-form-urlencoded has
// them (URL Standard, section 5.1).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

struct EndRequest {
    static constexpr std::uint16_t least_code = 4000;
    static constexpr std::uint16_t most_code = 4999;

    std::string_view problem;  // a literal, for whoever has asked; empty: there is none

    // Which sessions: those that have all of this. Empty or 0: any.
    std::string_view key;
    std::string_view zone;
    std::uint64_t number = 0;

    std::uint16_t code = least_code;
    std::string_view reason;

    // Decodes the form where it stands, in which the texts lie afterwards.
    [[nodiscard]] static EndRequest read(std::span<char> form) noexcept;
};

}  // namespace ws
