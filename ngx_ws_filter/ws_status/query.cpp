#include "ngx_ws_filter/ws_status/query.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ws {
namespace {

using Format = StatusQuery::Format;

// The part before the first separator; the text is left behind it.
[[nodiscard]] std::string_view cut(std::string_view &text, char separator) noexcept {
    const std::size_t size = std::min(text.find(separator), text.size());
    const std::string_view part{text.data(), size};
    text.remove_prefix(std::min(size + 1, text.size()));
    return part;
}

[[nodiscard]] bool read_number(std::string_view text, std::uint64_t &number) noexcept {
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc{} && read.ptr == end;
}

// Thousandths of a quality such as "1", "0.5" or "0.125"; what is no such number counts as 0.
[[nodiscard]] unsigned read_quality(std::string_view text) noexcept {
    unsigned quality = 0;
    unsigned digits = 0;
    for (const char c : text) {
        if (c == '.' && digits == 1) {
            continue;
        }
        if (c < '0' || c > '9' || digits == 4) {
            return 0;
        }
        quality = quality * 10 + static_cast<unsigned>(c - '0');
        ++digits;
    }
    for (; digits != 0 && digits < 4; ++digits) {
        quality *= 10;
    }
    return std::min(quality, 1000U);
}

struct Offer {
    std::string_view type;
    Format format;
};

// The one that "*" in a range means stands first.
constexpr Offer offers[] = {{"text/plain", Format::text},
                            {"application/openmetrics-text", Format::open_metrics},
                            {"application/json", Format::json},
                            {"text/html", Format::page}};

[[nodiscard]] const Offer *find_offer(std::string_view range) noexcept {
    if (range == "*/*" || range == "text/*") {
        return offers;
    }
    for (const Offer &offer : offers) {
        if (equals_ignoring_case(range, offer.type)) {
            return &offer;
        }
    }
    return range == "application/*" ? offers + 2 : nullptr;
}

// The type with the highest quality, the first of those that are equal.
[[nodiscard]] Format choose(std::string_view accept) noexcept {
    Format chosen = Format::text;
    unsigned best = 0;
    while (!accept.empty()) {
        std::string_view range = cut(accept, ',');
        const Offer *offer = find_offer(trim(cut(range, ';')));
        unsigned quality = 1000;
        while (!range.empty()) {
            const std::string_view parameter = trim(cut(range, ';'));
            if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
                quality = read_quality({parameter.data() + 2, parameter.size() - 2});
            }
        }
        if (offer != nullptr && quality > best) {
            best = quality;
            chosen = offer->format;
        }
    }
    return chosen;
}

}  // namespace

StatusQuery StatusQuery::read(std::string_view arguments, std::string_view accept) noexcept {
    StatusQuery query;
    query.format = choose(accept);
    while (!arguments.empty()) {
        std::string_view value = cut(arguments, '&');
        const std::string_view name = cut(value, '=');
        query.take(name, value);
    }
    return query;
}

void StatusQuery::take(std::string_view name, std::string_view value) noexcept {
    if (name == "format") {
        take_format(value);
    } else if (name == "sessions") {
        sessions = true;
    } else if (name == "file") {
        file = value;
        valid = valid && !value.empty();
    } else if (name == "after") {
        valid = valid && read_number(value, after);
    } else if (name == "limit") {
        valid = valid && read_number(value, limit) && limit != 0 && limit <= most_sessions;
    } else if (name == "sort") {
        valid = valid && (value == "number" || value == "slowest");
        order = value == "slowest" ? Order::slowest : Order::number;
    }
}

void StatusQuery::take_format(std::string_view name) noexcept {
    constexpr std::pair<std::string_view, Format> formats[] = {
        {"prometheus", Format::text},
        {"openmetrics", Format::open_metrics},
        {"json", Format::json},
        {"html", Format::page}};
    for (const auto &[known, format_of_it] : formats) {
        if (name == known) {
            format = format_of_it;
            return;
        }
    }
    valid = false;
}

}  // namespace ws
