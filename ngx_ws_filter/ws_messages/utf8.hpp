// UTF-8 validation that continues over fragments and reads. RFC 3629, section 4; RFC 6455,
// section 8.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// Fails at the first byte that no valid text can have at this place (overlong forms, surrogates
// and code points above U+10FFFF included). Once failed it stays failed, until reset().
class Utf8Validator {
public:
    // Takes the next bytes of the text, none of which are kept. Returns whether all of them can
    // stand in valid text so far.
    [[nodiscard]] bool take(std::span<const std::uint8_t> bytes) noexcept;

    // Whether the text may end here: nothing failed and no code point is cut.
    [[nodiscard]] bool complete() const noexcept { return !failed_ && last_.missing == 0; }

    // How many bytes of a cut code point, 0 to 3, are the last that were taken; after a failure,
    // the last before the impossible one.
    [[nodiscard]] std::size_t pending() const noexcept { return last_.taken; }

    // How many bytes of the last take() came before the first impossible one; its whole size if it
    // returned true.
    [[nodiscard]] std::size_t valid() const noexcept { return valid_; }

    // Begins a new text.
    void reset() noexcept;

private:
    struct CodePoint {
        std::uint8_t missing = 0;    // bytes until it is whole
        std::uint8_t taken = 0;      // bytes read, unless it is whole
        std::uint8_t lowest = 0x80;  // what the next of its bytes may be
        std::uint8_t highest = 0xbf;

        [[nodiscard]] bool begin(std::uint8_t byte) noexcept;
        [[nodiscard]] bool go_on(std::uint8_t byte) noexcept;
    };

    std::size_t valid_ = 0;
    CodePoint last_;
    bool failed_ = false;
};

// How many bytes at the end of `text`, 0 to 3, begin a code point that is not finished there, so
// that text[0, size - n) never cuts one. The text itself need not be valid.
[[nodiscard]] std::size_t cut_code_point(std::span<const std::uint8_t> text) noexcept;

}  // namespace ws
