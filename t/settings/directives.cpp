// Prints the module's table of directives as JSON, for the tests that compare it with its
// reference.
#include <cstdio>
#include <string>

#include "module/ws_settings/directives.hpp"

namespace {

using ngx_ws::Directive;
using ngx_ws::Kind;
using ngx_ws::Place;

const char *context(Place place) {
    switch (place) {
        case Place::everywhere:
            return "http, server, location";
        case Place::http:
            return "http";
        case Place::location:
            return "location, if in location";
    }
    return "";
}

// The unit of a number, if it has one.
const char *unit(Kind kind) {
    switch (kind) {
        case Kind::size:
        case Kind::max_message_size:
            return "bytes";
        case Kind::time:
        case Kind::time_or_never:
            return "milliseconds";
        default:
            return "";
    }
}

// Those words of the directive that `is_meant` says yes to.
template <typename Meant>
std::string words_of(const Directive &directive, const char *between, Meant is_meant) {
    std::string found;
    for (const ngx_ws::Word &word : directive.accepted.words) {
        if (is_meant(word.number)) {
            found += found.empty() ? "" : between;
            found += word.text;
        }
    }
    return found;
}

// What holds without the directive, as the reference writes it, but for units.
std::string initial(const Directive &directive) {
    const ngx_uint_t value = directive.initial.number;
    switch (directive.kind) {
        case Kind::flag:
            return value != 0 ? "on" : "off";
        case Kind::flag_or_variable:
        case Kind::word:
        case Kind::word_or_variable:
            return words_of(directive, "", [&](ngx_uint_t number) { return number == value; });
        case Kind::words:
            return words_of(directive, " ", [&](ngx_uint_t bit) { return (bit & value) != 0; });
        case Kind::number:
        case Kind::size:
        case Kind::max_message_size:
        case Kind::time:
        case Kind::time_or_never:
            return std::to_string(value);
        case Kind::window:
            return "auto max=" + std::to_string(value / ngx_ws::mib) + "m";
        default:
            return std::string(directive.initial.text);
    }
}

// The arguments as the reference writes them, or nothing where each directive has its own.
std::string arguments(const Directive &directive) {
    const std::string words = words_of(directive, " | ", [](ngx_uint_t) { return true; });
    switch (directive.kind) {
        case Kind::flag:
            return "on | off";
        case Kind::word:
            return words;
        case Kind::flag_or_variable:
        case Kind::word_or_variable:
            return words + " | variables";
        case Kind::number:
            return "number";
        case Kind::size:
        case Kind::max_message_size:
            return "size";
        case Kind::window:
            return "auto [max=size] | size";
        case Kind::time:
        case Kind::time_or_never:
            return "time";
        default:
            return "";
    }
}

}  // namespace

int main() {
    const char *between = "[\n";
    for (const Directive &directive : ngx_ws::directives) {
        std::printf(
            "%s  {\"name\": \"%s\", \"arguments\": \"%s\", \"context\": \"%s\", "
            "\"unit\": \"%s\", \"default\": \"%s\"}",
            between, std::string(directive.name.view()).c_str(), arguments(directive).c_str(),
            context(directive.place), unit(directive.kind), initial(directive).c_str());
        between = ",\n";
    }
    std::puts("\n]");
}
