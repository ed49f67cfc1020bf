#include "ngx_ws_filter/ws_handshake/origin.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

#include "ngx_ws_filter/ws_handshake/ascii.hpp"

namespace ws {
namespace {

constexpr std::string_view separator = "://";

constexpr bool is_scheme_character(char c) noexcept {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}

// Browsers send names of other scripts as punycode, and percent-encoding would need a canonical
// form of its own: neither belongs here.
constexpr bool is_name_character(char c) noexcept {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

constexpr bool is_ipv6_character(char c) noexcept {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f') || c == ':' || c == '.';
}

bool has_empty_label(std::string_view name) noexcept {
    return name.front() == '.' || name.find("..") != name.npos;
}

std::uint16_t default_port(std::string_view scheme) noexcept {
    if (scheme == "http" || scheme == "ws") {
        return 80;
    }
    if (scheme == "https" || scheme == "wss") {
        return 443;
    }
    return 0;
}

// Whether an origin of this scheme, from which pages come, needs a host.
bool needs_host(std::string_view scheme) noexcept {
    return default_port(scheme) != 0 || scheme == "ftp";
}

// A host that can have subdomains. No top-level domain is a number, so a name that ends in one is
// an IPv4 address.
bool is_domain(std::string_view host) noexcept {
    if (host.empty() || host == ".") {
        return false;
    }
    if (host.back() == '.') {
        host.remove_suffix(1);
    }
    const std::size_t dot = host.rfind('.');
    const auto last_label = dot == host.npos ? host.begin() : host.begin() + dot + 1;
    return host.front() != '[' && !std::all_of(last_label, host.end(), is_digit);
}

}  // namespace

bool Origin::parse(std::string_view text) noexcept {
    const std::size_t scheme_end = text.find(separator);
    if (scheme_end == text.npos || text.back() == ':') {
        *this = {};
        return false;
    }
    const std::size_t begin = scheme_end + separator.size();
    return parse({text.data(), scheme_end}, {text.data() + begin, text.size() - begin});
}

bool Origin::parse(std::string_view scheme, std::string_view authority) noexcept {
    Origin read;
    const std::size_t room = max_size - separator.size();
    const bool good = scheme.size() <= room && authority.size() <= room - scheme.size() &&
                      read.read_scheme(scheme) && read.read_authority(authority);
    *this = good ? read : Origin{};
    return good;
}

std::string_view Origin::scheme() const noexcept {
    return {text_.data(), scheme_size_};
}

std::string_view Origin::host() const noexcept {
    return {text_.data() + scheme_size_, host_size_};
}

std::uint16_t Origin::port() const noexcept {
    return port_;
}

bool Origin::operator==(const Origin &other) const noexcept {
    return scheme_size_ != 0 && scheme() == other.scheme() && host() == other.host() &&
           port_ == other.port_;
}

bool Origin::read_scheme(std::string_view text) noexcept {
    if (text.empty() || !is_letter(text.front()) ||
        !std::all_of(text.begin(), text.end(), is_scheme_character)) {
        return false;
    }
    std::transform(text.begin(), text.end(), text_.begin(), to_lower);
    scheme_size_ = static_cast<std::uint16_t>(text.size());
    return true;
}

bool Origin::read_authority(std::string_view text) noexcept {
    const bool bracket = text.starts_with('[');
    const std::size_t colon = text.find(':', bracket ? text.find(']') : 0);
    const std::string_view host(text.data(), std::min(colon, text.size()));
    if (text.empty()) {
        return !needs_host(scheme());
    }
    if (!(bracket ? read_ipv6(host) : read_name(host))) {
        return false;
    }
    if (host.size() == text.size() || host.size() + 1 == text.size()) {
        port_ = default_port(scheme());
        return true;
    }
    text.remove_prefix(host.size() + 1);
    return read_port(text);
}

bool Origin::read_name(std::string_view text) noexcept {
    const bool lone_dot = text == "." && !needs_host(scheme());
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_name_character) ||
        (has_empty_label(text) && !lone_dot)) {
        return false;
    }
    std::transform(text.begin(), text.end(), text_.begin() + scheme_size_, to_lower);
    host_size_ = static_cast<std::uint16_t>(text.size());
    return true;
}

bool Origin::read_ipv6(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> address{};
    if (text.size() < 2 || text.back() != ']' || text.size() - 2 >= address.size()) {
        return false;
    }
    text.remove_prefix(1);
    text.remove_suffix(1);
    if (!std::all_of(text.begin(), text.end(), is_ipv6_character)) {
        return false;
    }
    std::copy(text.begin(), text.end(), address.begin());
    in6_addr binary;
    if (inet_pton(AF_INET6, address.data(), &binary) != 1 ||
        inet_ntop(AF_INET6, &binary, address.data(), address.size()) == nullptr) {
        return false;
    }
    const std::string_view canonical(address.data());
    // The canonical form can be longer than what was read: "::ffff:1:1" is "::ffff:0.1.0.1".
    if (canonical.size() + 2 > max_size - scheme_size_) {
        return false;
    }
    auto to = text_.begin() + scheme_size_;
    *to++ = '[';
    to = std::copy(canonical.begin(), canonical.end(), to);
    *to = ']';
    host_size_ = static_cast<std::uint16_t>(canonical.size() + 2);
    return true;
}

bool Origin::read_port(std::string_view text) noexcept {
    unsigned value = 0;
    for (const char c : text) {
        if (!is_digit(c)) {
            return false;
        }
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > UINT16_MAX) {
            return false;
        }
    }
    port_ = static_cast<std::uint16_t>(value);
    return port_ != 0;
}

std::string_view Origin::serialize(std::array<char, max_serialized> &to) const noexcept {
    const std::string_view scheme_text = scheme();
    const std::string_view host_text = host();
    auto end = std::copy(scheme_text.begin(), scheme_text.end(), to.begin());
    end = std::copy(separator.begin(), separator.end(), end);
    end = std::copy(host_text.begin(), host_text.end(), end);
    if (port_ != default_port(scheme_text)) {
        *end++ = ':';
        end = to.begin() + (std::to_chars(end, to.end(), port_).ptr - to.begin());
    }
    return {to.data(), static_cast<std::size_t>(end - to.begin())};
}

bool OriginPattern::parse(std::string_view text) noexcept {
    const std::size_t at = find_wildcard(text);
    if (at == text.npos) {
        return parse(text, false);
    }
    if (text.size() > Origin::max_size) {
        *this = {};
        return false;
    }
    // What is left without the wildcard is an ordinary origin, and is read as strictly.
    std::array<char, Origin::max_size> bare;
    const auto star = text.begin() + at;
    auto end = std::copy(text.begin(), star, bare.begin());
    end = std::copy(star + wildcard_size, text.end(), end);
    return parse({bare.data(), static_cast<std::size_t>(end - bare.begin())}, true);
}

bool OriginPattern::parse(std::string_view origin, bool subdomains) noexcept {
    Origin base;
    const bool good = base.parse(origin) && (!subdomains || is_domain(base.host()));
    base_ = good ? base : Origin{};
    subdomains_ = good && subdomains;
    return good;
}

std::size_t OriginPattern::find_wildcard(std::string_view text) noexcept {
    const std::size_t at = text.find("://*.");
    return at == text.npos ? text.npos : at + separator.size();
}

bool OriginPattern::matches(const Origin &origin) const noexcept {
    if (!subdomains_) {
        return base_ == origin;
    }
    const std::string_view host = origin.host();
    const std::string_view base = base_.host();
    return origin.scheme() == base_.scheme() && origin.port() == base_.port() &&
           host.size() > base.size() + 1 && host.ends_with(base) &&
           host[host.size() - base.size() - 1] == '.';
}

}  // namespace ws
