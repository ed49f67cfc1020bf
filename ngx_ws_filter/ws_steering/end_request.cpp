#include "ngx_ws_filter/ws_steering/end_request.hpp"

#include "ngx_ws_filter/ws_frames/frame.hpp"
#include "ngx_ws_filter/ws_messages/utf8.hpp"

#include <algorithm>
#include <charconv>

namespace ws {
namespace {

// The part before the first separator; the text is left behind it.
[[nodiscard]] std::span<char> cut(std::span<char> &text, char separator) noexcept {
    const auto at = std::find(text.begin(), text.end(), separator);
    const auto size = static_cast<std::size_t>(at - text.begin());
    const std::span<char> part = text.first(size);
    text = text.subspan(std::min(size + 1, text.size()));
    return part;
}

[[nodiscard]] int digit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct Decoded {
    bool valid;
    std::string_view text;
};

[[nodiscard]] Decoded decode(std::span<char> text) noexcept {
    std::size_t to = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            const int high = text.size() - i > 2 ? digit(text[i + 1]) : -1;
            const int low = text.size() - i > 2 ? digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return {false, {}};
            }
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        text[to++] = c;
    }
    return {true, {text.data(), to}};
}

template <typename Number>
[[nodiscard]] bool read_number(std::string_view text, Number &number) noexcept {
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc{} && read.ptr == end;
}

[[nodiscard]] bool is_utf8(std::string_view text) noexcept {
    Utf8Validator validator;
    return validator.take({reinterpret_cast<const std::uint8_t *>(text.data()), text.size()}) &&
           validator.complete();
}

enum Field : unsigned { key, zone, number, code, reason, unknown };

constexpr std::string_view names[] = {"key", "zone", "number", "code", "reason"};

[[nodiscard]] unsigned find(std::string_view name) noexcept {
    return static_cast<unsigned>(std::find(std::begin(names), std::end(names), name) -
                                 std::begin(names));
}

// What is wrong with the value, or nothing.
[[nodiscard]] std::string_view take(unsigned field, std::string_view value,
                                    EndRequest &request) noexcept {
    switch (field) {
        case key:
            request.key = value;
            return value.empty() ? "the key is empty" : "";
        case zone:
            request.zone = value;
            return value.empty() ? "the zone is empty" : "";
        case number:
            return read_number(value, request.number) && request.number != 0
                       ? ""
                       : "the number is no number above 0";
        case code:
            return read_number(value, request.code) && request.code >= EndRequest::least_code &&
                           request.code <= EndRequest::most_code
                       ? ""
                       : "the code is no number from 4000 to 4999";
        case reason:
            request.reason = value;
            if (value.size() > max_close_reason) {
                return "the reason has more than 123 bytes";
            }
            return is_utf8(value) ? "" : "the reason is not UTF-8";
        default:
            return "there is a field that is none of key, zone, number, code and reason";
    }
}

}  // namespace

EndRequest EndRequest::read(std::span<char> form) noexcept {
    EndRequest request;
    unsigned taken = 0;
    while (!form.empty() && request.problem.empty()) {
        std::span<char> rest = cut(form, '&');
        if (rest.empty()) {
            continue;
        }
        const Decoded name = decode(cut(rest, '='));
        const Decoded value = decode(rest);
        if (!name.valid || !value.valid) {
            request.problem = "a % does not stand before two hexadecimal digits";
            break;
        }
        const unsigned field = find(name.text);
        request.problem =
            (taken & 1U << field) != 0 ? "a field stands twice" : take(field, value.text, request);
        taken |= 1U << field;
    }
    constexpr unsigned chooses = 1U << Field::key | 1U << Field::zone | 1U << Field::number;
    if (request.problem.empty() && (taken & chooses) == 0) {
        request.problem = "one of key, zone and number is missing";
    }
    return request;
}

}  // namespace ws
