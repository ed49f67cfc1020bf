// The door to cmocka, and what every unit test wants. Include it before anything else of a test.
#pragma once

// cmocka.h needs these four before it, and does not know C++.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace unit {

using Bytes = std::span<const std::uint8_t>;

// A string literal may hold zero bytes: write bytes("\x00\x01"sv).
[[nodiscard]] inline Bytes bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

[[nodiscard]] inline std::string_view text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

// The checks below fail at the line of the test that called them.

inline void check(bool held, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
    _assert_true(held ? 1 : 0, "check", file, line);
}

// Integers, enumerators and booleans.
template <typename Value>
requires std::is_enum_v<Value> || std::is_integral_v<Value>
void equal(Value got, std::type_identity_t<Value> wanted, const char *file = __builtin_FILE(),
           int line = __builtin_LINE()) {
    _assert_int_equal(static_cast<std::uintmax_t>(got), static_cast<std::uintmax_t>(wanted), file,
                      line);
}

inline void equal(Bytes got, Bytes wanted, const char *file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    _assert_int_equal(got.size(), wanted.size(), file, line);
    // memcmp must not be given the null pointer of an empty span.
    if (!wanted.empty()) {
        _assert_memory_equal(got.data(), wanted.data(), wanted.size(), file, line);
    }
}

inline void equal(std::string_view got, std::string_view wanted,
                  const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
    equal(bytes(got), bytes(wanted), file, line);
}

// Names the test program's failures; returns what main() returns.
template <std::size_t size>
[[nodiscard]] int run(const char *name, const CMUnitTest (&tests)[size]) {
    return _cmocka_run_group_tests(name, tests, size, nullptr, nullptr);
}

}  // namespace unit
