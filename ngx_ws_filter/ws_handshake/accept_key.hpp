// Sec-WebSocket-Key and Sec-WebSocket-Accept. RFC 6455, section 4.2.2, item 5, number 4.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace ws {

inline constexpr std::size_t accept_key_size = 28;

// Whether the key is the base64 form of 16 bytes, 22 characters of the alphabet and "=="; the last
// of them may have any unused bits. Section 4.2.1, item 5.
[[nodiscard]] bool is_valid_key(std::string_view key) noexcept;

// base64(SHA-1(key + GUID)), not terminated. For a valid key, false only if libcrypto could not
// compute it.
[[nodiscard]] bool make_accept_key(std::string_view key,
                                   std::array<char, accept_key_size> &accept) noexcept;

}  // namespace ws
