// Origins: read, made canonical, compared. RFC 6454, sections 4 to 7.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ws {

// Scheme, host and port in canonical form: scheme and host in lower case, IPv6 hosts in the form
// of RFC 5952 within brackets, a final dot of the host kept, the port always a number. It owns its
// text and fits a stack. Before a successful parse() it is empty and equals nothing, not even
// itself.
//
// Apps whose pages come from no server have a scheme of their own, and some of them no host, or
// ".": "file://" (Cordova, Electron), "app://.". With the schemes of the web a host is a must.
class Origin {
public:
    // Longest text that is accepted, in bytes. Longer is malformed, and so fails closed.
    static constexpr std::size_t max_size = 320;

    // Reads the serialization "scheme://host[:port]" (section 6.2): nothing before or after it, no
    // path, no user. False for everything else: "null", an empty text, white space, bytes outside
    // printable ASCII, two origins in one value, an empty host of a web's scheme or before a port,
    // a port that is empty or outside 1 to 65535. A host is a name of letters, digits and "-._~"
    // without empty labels, an IPv4 address, or an IPv6 address in brackets without a zone.
    [[nodiscard]] bool parse(std::string_view text) noexcept;

    // Parses the two halves that a server knows of itself: `authority` is the Host field. Here
    // "host:" is "host" (RFC 3986, section 3.2.3).
    [[nodiscard]] bool parse(std::string_view scheme, std::string_view authority) noexcept;

    // In the object.
    [[nodiscard]] std::string_view scheme() const noexcept;
    [[nodiscard]] std::string_view host() const noexcept;
    // 0 if none was given and the scheme has no default (http, ws: 80; https, wss: 443).
    [[nodiscard]] std::uint16_t port() const noexcept;

    [[nodiscard]] bool operator==(const Origin &other) const noexcept;

    // The serialization (section 6.2) in canonical form, as a browser sends it: a default port is
    // left out. Written to `to`, of which a view is returned.
    static constexpr std::size_t max_serialized = max_size + 9;  // "://" and ":65535"
    [[nodiscard]] std::string_view serialize(std::array<char, max_serialized> &to) const noexcept;

private:
    [[nodiscard]] bool read_scheme(std::string_view text) noexcept;
    [[nodiscard]] bool read_authority(std::string_view text) noexcept;
    [[nodiscard]] bool read_name(std::string_view text) noexcept;
    [[nodiscard]] bool read_ipv6(std::string_view text) noexcept;
    [[nodiscard]] bool read_port(std::string_view text) noexcept;

    std::array<char, max_size> text_{};  // the scheme, right behind it the host
    std::uint16_t scheme_size_ = 0;
    std::uint16_t host_size_ = 0;
    std::uint16_t port_ = 0;
};

// What a configuration allows: an origin, or "scheme://*.host[:port]" for every subdomain of any
// depth, and not for the host itself, which is a name and no address. Before a successful parse()
// it matches nothing.
class OriginPattern {
public:
    // False as Origin::parse(), of what follows "*." too.
    [[nodiscard]] bool parse(std::string_view text) noexcept;

    // Parses a text that stood nowhere in a configuration and so may be no wildcard: it is an
    // origin, and `subdomains` tells whether these are meant.
    [[nodiscard]] bool parse(std::string_view origin, bool subdomains) noexcept;

    // The place of "*." in a text that is a wildcard; npos if it is none.
    [[nodiscard]] static std::size_t find_wildcard(std::string_view text) noexcept;
    static constexpr std::size_t wildcard_size = 2;

    [[nodiscard]] bool matches(const Origin &origin) const noexcept;

private:
    Origin base_;
    bool subdomains_ = false;
};

}  // namespace ws
