// Text that is written into memory of a fixed size, or only measured.
#pragma once

#include "ngx_ws_filter/ws_life/deadlines.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

// Counts all that is put, and keeps what there is room for: written once without room and once with
// size() bytes of it, a text is whole.
class Text {
public:
    explicit Text(std::span<char> room = {}) noexcept : room_(room) {}

    Text &put(std::string_view text) noexcept;
    Text &put(std::uint64_t number) noexcept;
    // Seconds with milliseconds, where there are any: "12", "0.005".
    Text &put_seconds(Millis time) noexcept;
    // Between quotes, as labels of Prometheus and JSON both have it. Control characters go out as
    // "?", and so does what is no ASCII in a text that is not UTF-8.
    Text &put_quoted(std::string_view text) noexcept;

    // So many bytes were put, whether they had room or not.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    std::span<char> room_;
    std::size_t size_ = 0;
};

}  // namespace ws
