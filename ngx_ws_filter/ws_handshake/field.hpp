// HTTP field values: lists and tokens. RFC 9110, section 5.6.
#pragma once

#include <cstddef>
#include <string_view>

namespace ws {

// RFC 9110, section 5.6.2.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

// ASCII only, as field names, schemes and tokens are compared.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

// Without the optional white space (space and tab) at both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

// Walks a comma-separated list (RFC 9110, section 5.6.1): elements are trimmed, empty ones
// skipped, and a comma inside a quoted string separates nothing. A quote that is never closed
// lasts to the end of the value. Elements lie in the value, which has to last as long.
class ListReader {
public:
    explicit ListReader(std::string_view field_value) noexcept : rest_(field_value) {}

    [[nodiscard]] bool next(std::string_view &element) noexcept;

private:
    std::string_view rest_;
};

// Whether one element of the list equals `token`, ignoring case.
[[nodiscard]] bool list_has(std::string_view field_value, std::string_view token) noexcept;

}  // namespace ws
