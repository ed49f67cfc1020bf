#include "ngx_ws_filter/ws_life/numeric_date.hpp"

#include <algorithm>
#include <charconv>

namespace ws {
namespace {

constexpr std::uint64_t year_10000 = 253402300800;

[[nodiscard]] bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

}  // namespace

std::optional<std::uint64_t> read_numeric_date(std::string_view text) noexcept {
    std::uint64_t seconds = 0;
    const char *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc{} || seconds >= year_10000) {
        return std::nullopt;
    }
    std::uint64_t millis = seconds * 1000;
    if (rest == end) {
        return millis;
    }
    if (*rest != '.' || rest + 1 == end || !std::all_of(rest + 1, end, is_digit)) {
        return std::nullopt;
    }
    std::uint64_t place = 100;
    for (const char *digit = rest + 1; digit != end && place != 0; ++digit) {
        millis += place * static_cast<std::uint64_t>(*digit - '0');
        place /= 10;
    }
    return millis;
}

}  // namespace ws
