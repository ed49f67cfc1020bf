#include "ngx_ws_filter/ws_status/families.hpp"

#include <charconv>

namespace ws {
namespace {

[[nodiscard]] std::size_t number_label(std::span<const std::string_view> values,
                                       unsigned number) noexcept {
    std::array<char, 10> text;
    const auto end = std::to_chars(text.begin(), text.end(), number).ptr;
    return label_of(values, {text.data(), static_cast<std::size_t>(end - text.data())});
}

}  // namespace

std::size_t status_label(unsigned status) noexcept {
    return number_label(labels::statuses, status);
}

std::size_t close_label(unsigned code) noexcept {
    if (code >= 3000 && code <= 4999) {
        return label_of(labels::codes, code < 4000 ? "3xxx" : "4xxx");
    }
    return number_label(labels::codes, code);
}

}  // namespace ws
