// Origins and patterns of them: the first line is a pattern, each other one an origin.
#include "t/fuzz/fuzz.hpp"

#include <array>
#include <regex>

#include <arpa/inet.h>

#include "ngx_ws_filter/ws_handshake/origin.hpp"

using fuzz::require;
using ws::Origin;
using ws::OriginPattern;

namespace {

// A plain reading of the same: whether the text is an origin.
bool is_origin(const std::string &text) {
    static const std::regex form(
        R"(([a-z][a-z0-9+.-]*)://(?:([a-z0-9._~-]*)|\[([0-9a-f:.]*)\])(?::0*([1-9][0-9]{0,4}))?)",
        std::regex::icase | std::regex::optimize);
    std::smatch parts;
    if (text.size() > Origin::max_size || !std::regex_match(text, parts, form)) {
        return false;
    }
    std::string scheme = parts[1];
    for (char &c : scheme) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (parts[4].matched && std::stoul(parts[4]) > 65535) {
        return false;
    }
    if (parts[3].matched) {
        in6_addr address;
        std::array<char, INET6_ADDRSTRLEN> canonical;
        return inet_pton(AF_INET6, parts[3].str().c_str(), &address) == 1 &&
               inet_ntop(AF_INET6, &address, canonical.data(), canonical.size()) != nullptr &&
               scheme.size() + std::string_view(canonical.data()).size() + 2 <= Origin::max_size;
    }
    const std::string name = parts[2];
    const bool web = scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss" ||
                     scheme == "ftp";
    if (name.empty() || name == ".") {
        return !web && (name == "." || !parts[4].matched);
    }
    return name.front() != '.' && name.find("..") == name.npos;
}

std::string upper_case(std::string_view text) {
    std::string changed(text);
    for (char &c : changed) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return changed;
}

// The port is what the digits say.
void check_port(std::string_view text, const Origin &origin) {
    const std::size_t colon = text.rfind(':');
    if (text.find_first_not_of("0123456789", colon + 1) == text.npos) {
        require(std::to_string(origin.port()) ==
                text.substr(std::min(text.find_first_not_of('0', colon + 1), text.size())));
    }
}

// What was read is written in a form that reads the same, and to which nothing can be added.
void check_origin(std::string_view text, const Origin &origin) {
    require(origin == origin);
    check_port(text, origin);
    require(text.find_first_of(" \t\r\"\\/?#@<>'", text.find("//") + 2) == text.npos);

    std::array<char, Origin::max_serialized> room;
    const std::string_view canonical = origin.serialize(room);
    Origin again;
    require(again.parse(canonical) && again == origin);
    std::array<char, Origin::max_serialized> other_room;
    require(again.serialize(other_room) == canonical);
    require(again.parse(upper_case(text)) && again == origin);

    for (const char *added : {" ", "/", ",", "\t", ":80:80", "@a", ".."}) {
        require(!again.parse(std::string(text) + added));
        require(!(again == origin) && !(again == again));
    }
}

void check_match(const OriginPattern &pattern, std::string_view written, const Origin &origin) {
    if (!pattern.matches(origin)) {
        return;
    }
    const std::size_t star = written.find("://*.");
    if (star == written.npos) {
        Origin same;
        require(same.parse(written) && same == origin);
        return;
    }
    Origin base;
    std::string bare(written);
    require(base.parse(bare.erase(star + 3, 2)));
    require(base.scheme() == origin.scheme() && base.port() == origin.port());
    require(!base.host().empty() && base.host() != ".");
    require(origin.host().ends_with("." + std::string(base.host())));
    require(!(base == origin) && origin.host()[0] != '[');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    OriginPattern pattern;
    std::string written;
    bool first = true;
    fuzz::for_each_line({data, size}, [&](std::string_view line) {
        if (first) {
            first = false;
            written = line;
            const bool good = pattern.parse(line);
            // A value is no wildcard, whatever it says.
            OriginPattern value;
            require(value.parse(line, false) ==
                    (good && OriginPattern::find_wildcard(line) == std::string_view::npos));
            return;
        }
        Origin origin;
        const bool good = origin.parse(line);
        require(good == is_origin(std::string(line)));
        if (good) {
            check_origin(line, origin);
            check_match(pattern, written, origin);
        } else {
            require(!(origin == origin) && !pattern.matches(origin));
        }
        // As a server knows itself: the scheme, and the Host field.
        Origin own;
        if (own.parse("https", line)) {
            Origin same;
            const std::string whole = "https://" + std::string(line);
            require(whole.ends_with(':') || (same.parse(whole) && same == own));
        }
    });
    return 0;
}
