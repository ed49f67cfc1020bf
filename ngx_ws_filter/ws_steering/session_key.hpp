// What the sessions of one user have in common.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ws {

// The digest of a text, which may be a secret and as long as it likes.
struct SessionKey {
    // The text was empty: the session has no key.
    [[nodiscard]] bool empty() const noexcept { return words == std::array<std::uint64_t, 2>{}; }
    friend bool operator==(const SessionKey &, const SessionKey &) noexcept = default;

    std::array<std::uint64_t, 2> words{};
};

// Nothing if libcrypto cannot compute it.
[[nodiscard]] std::optional<SessionKey> session_key(std::string_view text) noexcept;

}  // namespace ws
