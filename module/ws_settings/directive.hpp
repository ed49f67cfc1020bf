// What one directive is: what it takes, where that is kept, and what holds where it is not written.
#pragma once

#include "module/ngx.hpp"

#include <concepts>
#include <type_traits>

namespace ngx_ws {

// What a directive's arguments are. commands.cpp says of each kind how it is read and inherited.
enum class Kind : ngx_uint_t {
    flag,              // of an ngx_flag_t
    flag_or_variable,  // of a Choice
    word,              // of an ngx_uint_t: one of `words`
    word_or_variable,  // of a Choice
    words,             // of an ngx_uint_t: the bits of those of `words` that are written
    number,            // of an ngx_int_t or ngx_uint_t
    size,              // of a size_t
    window,            // of a WindowConf; without it, its cap
    time,              // of an ngx_msec_t that is not 0
    time_or_never,     // of an ngx_msec_t; 0: never
    text,              // of an ngx_str_t
    value,             // of an ngx_http_complex_value_t *
    size_value,        // the same; a size where it has no variables
    value_or_nothing,  // the same; null for an empty argument

    // Each of these is of one directive, which has a setter of its own.
    pass,
    origin,
    subprotocol,
    framing,
    max_message_size,
    bind,
    resume,
    resume_node,
    limit_sessions,
    ssl_password_file,
    ssl_conf_command,
    zone,
    status,
    control,
};

// Where a directive may stand; one for all of nginx.conf is kept in MainConf, others in LocConf.
enum class Place : ngx_uint_t { everywhere, http, location };

// What holds where a directive is not written: a number, a switch, an enumerator or a text.
struct Initial {
    constexpr Initial() noexcept = default;
    constexpr Initial(const char *written) noexcept : text(written) {}
    template <typename T>
    requires std::integral<T> || std::is_enum_v<T>
    constexpr Initial(T value) noexcept : number(static_cast<ngx_uint_t>(value)) {}

    ngx_uint_t number = 0;
    std::string_view text;
};

struct Word {
    template <typename T>
    constexpr Word(std::string_view name, T value) noexcept
        : text(name), number(static_cast<ngx_uint_t>(value)) {}

    std::string_view text;
    ngx_uint_t number;
};

// Which values there are, and, where the kind alone does not tell it, what the error message says
// was expected.
struct Accepted {
    constexpr Accepted() noexcept = default;
    constexpr Accepted(ngx_uint_t low, ngx_uint_t high, const char *wanted) noexcept
        : least(low), most(high), expected(wanted) {}
    template <size_t count>
    constexpr Accepted(const Word (&table)[count]) noexcept : words(table) {}

    ngx_uint_t least = 0;
    ngx_uint_t most = NGX_MAX_INT_T_VALUE;
    const char *expected = nullptr;
    std::span<const Word> words;
};

// A name in bytes: nginx's list of commands points at bytes, and is made while compiling.
struct Name {
    template <size_t size>
    consteval Name(const char (&literal)[size]) noexcept : length(size - 1) {
        static_assert(size <= sizeof(bytes));
        for (size_t i = 0; i < length; ++i) {
            bytes[i] = static_cast<u_char>(literal[i]);
        }
    }

    [[nodiscard]] std::string_view view() const noexcept {
        return {reinterpret_cast<const char *>(bytes), length};
    }

    size_t length;
    u_char bytes[32] = {};
};

struct Directive {
    Name name;
    Kind kind;
    size_t field = 0;  // its offset
    Initial initial;
    Accepted accepted;
    Place place = Place::everywhere;
};

}  // namespace ngx_ws
