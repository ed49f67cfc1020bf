// What a request asks of ws_status: by its arguments, or by Accept (RFC 9110, section 12.5.1).
#pragma once

#include <cstdint>
#include <string_view>

namespace ws {

struct StatusQuery {
    enum class Format : std::uint8_t { text, open_metrics, json, page };
    enum class Order : std::uint8_t { number, slowest };

    static constexpr std::uint64_t most_sessions = 1000;

    bool valid = true;
    bool sessions = false;  // the list of them
    std::string_view file;  // of the page, by its name; in the arguments; empty: none
    Format format = Format::text;

    // The list is sorted and cut so.
    Order order = Order::number;
    std::uint64_t after = 0;    // only those with a higher number
    std::uint64_t limit = 100;  // 1 to most_sessions

    // `arguments` stand behind the "?" of the URI, `accept` is the field's value, empty if there is
    // none. Arguments that mean nothing here are passed over; a value that cannot be makes the
    // query invalid. An `accept` that allows nothing of ours is not obeyed.
    [[nodiscard]] static StatusQuery read(std::string_view arguments,
                                          std::string_view accept) noexcept;

private:
    void take(std::string_view name, std::string_view value) noexcept;
    void take_format(std::string_view name) noexcept;
};

}  // namespace ws
