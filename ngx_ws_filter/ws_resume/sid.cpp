#include "ngx_ws_filter/ws_resume/sid.hpp"

#include "ngx_ws_filter/ws_handshake/ascii.hpp"

#include <algorithm>
#include <cassert>

namespace ws {
namespace {

constexpr std::size_t number_digits = 16;
constexpr std::size_t secret_digits = 32;
constexpr std::size_t behind_node = 3 + 2 * number_digits + secret_digits;

[[nodiscard]] char *put_hex(char *to, std::uint64_t number, std::size_t digits) noexcept {
    for (std::size_t i = digits; i > 0; --i) {
        to[i - 1] = "0123456789abcdef"[number & 15U];
        number >>= 4U;
    }
    return to + digits;
}

// False if a character is no digit as put_hex() writes it.
[[nodiscard]] bool read_hex(std::span<const char> digits, std::uint64_t &number) noexcept {
    number = 0;
    for (const char c : digits) {
        const bool decimal = is_digit(c);
        if (!decimal && (c < 'a' || c > 'f')) {
            return false;
        }
        number = number << 4U | static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
    }
    return true;
}

[[nodiscard]] bool read_secret(std::span<const char> digits, SidSecret &secret) noexcept {
    for (std::size_t i = 0; i < secret.size(); ++i) {
        std::uint64_t byte = 0;
        if (!read_hex(digits.subspan(2 * i, 2), byte)) {
            return false;
        }
        secret[i] = static_cast<std::uint8_t>(byte);
    }
    return true;
}

// Looks at all bytes, wherever the first difference is.
[[nodiscard]] bool are_equal(const SidSecret &a, const SidSecret &b) noexcept {
    unsigned differences = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        differences |= static_cast<unsigned>(a[i] ^ b[i]);
    }
    return differences == 0;
}

}  // namespace

bool is_node_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= max_node &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

SidText::SidText(const Sid &sid) noexcept {
    assert(is_node_name(sid.node));
    char *to = std::copy(sid.node.begin(), sid.node.end(), text_.data());
    *to++ = '.';
    to = put_hex(to, sid.worker, number_digits);
    *to++ = '.';
    to = put_hex(to, sid.session, number_digits);
    *to++ = '.';
    for (const std::uint8_t byte : sid.secret) {
        to = put_hex(to, byte, 2);
    }
    size_ = static_cast<std::uint8_t>(to - text_.data());
}

bool read_sid(std::string_view text, Sid &sid) noexcept {
    const std::size_t dot = text.find('.');
    if (dot == text.npos || text.size() != dot + behind_node) {
        return false;
    }
    sid.node = text.substr(0, dot);
    const std::span numbers = std::span{text}.subspan(dot);
    return is_node_name(sid.node) && numbers[1 + number_digits] == '.' &&
           numbers[2 + 2 * number_digits] == '.' &&
           read_hex(numbers.subspan(1, number_digits), sid.worker) &&
           read_hex(numbers.subspan(2 + number_digits, number_digits), sid.session) &&
           read_secret(numbers.subspan(3 + 2 * number_digits), sid.secret);
}

SidMatch Sids::match(const SidSecret &secret) const noexcept {
    const bool is_current = are_equal(secret, current_);
    const bool is_next = are_equal(secret, next_);
    if (is_current) {
        return SidMatch::current;
    }
    return is_next ? SidMatch::next : SidMatch::unknown;
}

void Sids::accept(SidMatch match) noexcept {
    if (match == SidMatch::next) {
        use_next();
    }
}

void Sids::offer(const SidSecret &fresh, std::uint64_t position) noexcept {
    next_ = pending_ ? next_ : fresh;
    pending_ = true;
    proof_ = position;
}

void Sids::acknowledged(std::uint64_t position) noexcept {
    if (pending_ && proof_ != no_proof && position > proof_) {
        use_next();
    }
}

void Sids::echo(std::span<const std::uint8_t> bytes, bool starts, bool ends,
                std::string_view offered) noexcept {
    if (starts) {
        echoed_ = 0;
        echo_differs_ = false;
    }
    const std::size_t left = offered.size() - echoed_;
    if (bytes.size() > left) {
        echo_differs_ = true;
        bytes = bytes.first(left);
    }
    const std::span wanted = std::span{offered}.subspan(echoed_, bytes.size());
    echo_differs_ = !std::equal(bytes.begin(), bytes.end(), wanted.begin()) || echo_differs_;
    echoed_ = static_cast<std::uint16_t>(echoed_ + bytes.size());
    if (ends && pending_ && !echo_differs_ && echoed_ == offered.size()) {
        use_next();
    }
}

void Sids::use_next() noexcept {
    current_ = next_;
    pending_ = false;
}

}  // namespace ws
