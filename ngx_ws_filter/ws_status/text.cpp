#include "ngx_ws_filter/ws_status/text.hpp"

#include "ngx_ws_filter/ws_messages/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace ws {
namespace {

[[nodiscard]] bool is_utf8(std::string_view text) noexcept {
    Utf8Validator validator;
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(text.data());
    return validator.take({bytes, text.size()}) && validator.complete();
}

}  // namespace

Text &Text::put(std::string_view text) noexcept {
    if (size_ < room_.size()) {
        const std::size_t fits = std::min(text.size(), room_.size() - size_);
        std::copy_n(text.begin(), fits, room_.begin() + static_cast<std::ptrdiff_t>(size_));
    }
    size_ += text.size();
    return *this;
}

Text &Text::put(std::uint64_t number) noexcept {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
    return put(std::string_view{digits.data(), static_cast<std::size_t>(end - digits.data())});
}

Text &Text::put_seconds(Millis time) noexcept {
    put(time / 1000);
    const auto millis = static_cast<unsigned>(time % 1000);
    if (millis != 0) {
        const char fraction[] = {'.', static_cast<char>('0' + millis / 100),
                                 static_cast<char>('0' + millis / 10 % 10),
                                 static_cast<char>('0' + millis % 10)};
        put(std::string_view{fraction, sizeof(fraction)});
    }
    return *this;
}

Text &Text::put_quoted(std::string_view text) noexcept {
    const bool utf8 = is_utf8(text);
    put("\"");
    for (const char &c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            put("\\");
        }
        const bool unfit = byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8);
        put(unfit ? std::string_view{"?"} : std::string_view{&c, 1});
    }
    return put("\"");
}

}  // namespace ws
