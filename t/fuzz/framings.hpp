// A framing that the choices of an input make.
#pragma once

#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_framing/framing.hpp"

namespace fuzz {

[[nodiscard]] inline ws::FramingSettings choose_framing(Input &input) {
    constexpr ws::FramingKind kinds[] = {ws::FramingKind::line, ws::FramingKind::length,
                                         ws::FramingKind::typed, ws::FramingKind::delimiter};
    constexpr std::uint8_t sizes[] = {1, 2, 4};
    constexpr std::string_view delimiters[] = {{"\0", 1}, "\n",        "\x1c\r", "aa",
                                               "aab",     "\r\n.\r\n", "abab",   "]]>]]>"};
    const ws::FramingKind kind = kinds[input.choice() % 4];
    const std::size_t ways = input.choice();
    const bool length = kind == ws::FramingKind::length;
    const bool varint = length && ways / 8 % 4 == 3;
    return {.kind = kind,
            .crlf = ways % 2 == 1,
            .split = ways / 2 % 2 == 1,
            .delimiter = ws::Delimiter(bytes(delimiters[ways % 8])),
            .little_endian = length && ways % 2 == 1,
            .varint = varint,
            .counts_itself = length && !varint && ways / 32 % 2 == 1,
            .length_size = length && !varint ? sizes[ways / 2 % 3] : std::uint8_t{4},
            .max = input.choice()};
}

}  // namespace fuzz
