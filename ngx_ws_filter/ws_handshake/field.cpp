#include "ngx_ws_filter/ws_handshake/field.hpp"

#include <algorithm>

#include "ngx_ws_filter/ws_handshake/ascii.hpp"

namespace ws {
namespace {

constexpr bool is_token_character(char c) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return is_letter(c) || is_digit(c) || marks.find(c) != marks.npos;
}

constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

// Where the first element ends: at a comma outside quotes, or with the text.
std::size_t element_size(std::string_view text) noexcept {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '"') {
            quoted = !quoted;
        }
        if (text[i] == ',' && !quoted) {
            return i;
        }
        if (text[i] == '\\' && quoted) {
            i++;  // the escaped character stands for itself, a quote too
        }
    }
    return text.size();
}

}  // namespace

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return to_lower(x) == to_lower(y); });
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

bool ListReader::next(std::string_view &element) noexcept {
    while (!rest_.empty()) {
        const std::size_t size = element_size(rest_);
        element = trim({rest_.data(), size});
        rest_.remove_prefix(std::min(size + 1, rest_.size()));
        if (!element.empty()) {
            return true;
        }
    }
    return false;
}

bool list_has(std::string_view field_value, std::string_view token) noexcept {
    ListReader list(field_value);
    for (std::string_view element; list.next(element);) {
        if (equals_ignoring_case(element, token)) {
            return true;
        }
    }
    return false;
}

}  // namespace ws
