#include "ngx_ws_filter/ws_life/ping_marker.hpp"

namespace ws {
namespace {

constexpr std::size_t number_size = 4;

void write_number(std::span<std::uint8_t> to, std::uint64_t value) noexcept {
    for (std::size_t i = to.size(); i != 0; value >>= 8) {
        to[--i] = static_cast<std::uint8_t>(value);
    }
}

std::uint64_t read_number(std::span<const std::uint8_t> from) noexcept {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : from) {
        value = value << 8 | byte;
    }
    return value;
}

}  // namespace

PingMarkers::Payload PingMarkers::mark(std::uint64_t offset) noexcept {
    offset_ = offset;
    ++number_;
    Payload payload;
    write_number(std::span{payload}.first(number_size), number_);
    write_number(std::span{payload}.subspan(number_size), offset);
    return payload;
}

PingMarkers::Answer PingMarkers::answer(std::span<const std::uint8_t> payload) const noexcept {
    if (payload.size() != size) {
        return {.believed = false, .newest = false, .offset = 0};
    }
    const std::uint64_t number = read_number(payload.first(number_size));
    const std::uint64_t offset = read_number(payload.subspan(number_size));
    const bool newest = number != 0 && number == number_ && offset == offset_;
    return {
        .believed = newest || (number != 0 && number < number_ && offset <= offset_),
        .newest = newest,
        .offset = offset,
    };
}

}  // namespace ws
