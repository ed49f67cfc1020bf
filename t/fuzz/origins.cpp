// Origins and patterns of them: the first line is a pattern, each other one an origin.
#include "t/fuzz/fuzz.hpp"

#include <array>

#include "ngx_ws_filter/origin.hpp"

using fuzz::require;
using ws::Origin;
using ws::OriginPattern;

namespace {

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
            static_cast<void>(pattern.parse(line));
            return;
        }
        Origin origin;
        if (origin.parse(line)) {
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
