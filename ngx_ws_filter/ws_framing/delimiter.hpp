// A few bytes that end each message of a backend, found in a stream however it is cut.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

class Delimiter {
public:
    static constexpr std::size_t max_size = 8;

    Delimiter() noexcept = default;
    // 1 to max_size bytes.
    explicit Delimiter(std::span<const std::uint8_t> bytes) noexcept;

    [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
        return std::span{bytes_}.first(size_);
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Reads what a configuration says: bytes as they are, or escaped as \0, \t, \r, \n, \\ or \xHH.
    // False if that is none, or more than max_size bytes; then nothing is changed.
    [[nodiscard]] bool parse(std::string_view text) noexcept;

    // How many of its bytes stand at the end of what was read, `byte` being the last and `matched`,
    // less than size(), having stood before it.
    [[nodiscard]] std::size_t next(std::size_t matched, std::uint8_t byte) const noexcept;

    // Reads many bytes, up to a whole delimiter. Returns how many were read.
    [[nodiscard]] std::size_t read(std::span<const std::uint8_t> from,
                                   std::size_t &matched) const noexcept;

private:
    std::array<std::uint8_t, max_size> bytes_{};
    std::array<std::uint8_t, max_size> border_{};  // of the bytes so far: the longest that is
                                                   // their begin and their end too
    std::uint8_t size_ = 0;
};

}  // namespace ws
