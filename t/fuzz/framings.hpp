// A framing that the choices of an input make.
#pragma once

#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/framing.hpp"

namespace fuzz {

[[nodiscard]] inline ws::FramingSettings choose_framing(Input &input) {
    constexpr std::uint8_t sizes[] = {1, 2, 4};
    const std::size_t kind = input.choice();
    const std::size_t ways = input.choice();
    const bool typed = kind % 3 == 2;
    return {.kind = kind % 3 == 0   ? ws::FramingKind::line
                    : kind % 3 == 1 ? ws::FramingKind::length
                                    : ws::FramingKind::typed,
            .crlf = ways % 2 == 1,
            .split = ways / 2 % 2 == 1,
            .little_endian = !typed && ways % 2 == 1,
            .length_size = typed ? std::uint8_t{4} : sizes[ways / 2 % 3],
            .max = input.choice()};
}

}  // namespace fuzz
