// Points in time as tokens write them: seconds since 1970, as the "exp" of a JWT. RFC 7519, section
// 2, NumericDate.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ws {

// Milliseconds since 1970. Digits, and a fraction behind them, of which milliseconds are read;
// nothing for any other text, and for what lies beyond the year 9999.
[[nodiscard]] std::optional<std::uint64_t> read_numeric_date(std::string_view text) noexcept;

}  // namespace ws
