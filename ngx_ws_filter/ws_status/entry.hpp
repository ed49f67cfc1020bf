// One session in the list of those that are open, in memory that others read.
#pragma once

#include "ngx_ws_filter/ws_relay/facts.hpp"
#include "ngx_ws_filter/ws_status/counter.hpp"
#include "ngx_ws_filter/ws_status/text.hpp"

#include <array>

namespace ws {

// What does not change while a session lives. Of a text that is longer than `max_text`, and of the
// last ones where all are long, only the beginning is kept.
struct Listed {
    static constexpr std::size_t max_text = 64;

    std::uint64_t number;    // of the connection; not 0
    std::uint64_t begun_at;  // milliseconds since 1970
    std::uint64_t worker;    // its process
    std::string_view zone;
    std::string_view client;
    std::string_view location;
    std::string_view upstream;
    std::string_view subprotocol;  // empty: none
};

namespace detail {

// The values of an entry, behind its number.
enum EntryValue : std::uint8_t {
    begun_at,
    worker,
    sizes,  // of the texts, a byte each
    phase,
    stalls,  // now, by 1: client, 2: backend
    bytes_in,
    bytes_out,
    frames_in,
    frames_out,
    asked_at,  // milliseconds since 1970; 0: what follows is not known
    unacknowledged_client,
    unacknowledged_backend,
    stall_client,
    stall_backend,
    rtt,
    entry_values,
};

}  // namespace detail

// What a reader has taken of an entry.
class EntryCopy {
public:
    // Writes one object, of most_json bytes or fewer. `now`: milliseconds since 1970.
    void write_json(std::uint64_t now, Text &to) const noexcept;
    static constexpr std::size_t most_json = 1280;

    // The address of the client, as far as it was kept.
    [[nodiscard]] std::string_view client() const noexcept;

private:
    friend class Entry;

    void write_unacknowledged(std::string_view side, std::uint64_t bytes, std::uint64_t now,
                              Text &to) const noexcept;

    static constexpr std::size_t texts_size = 256;

    std::uint64_t number_ = 0;
    std::array<std::uint64_t, detail::entry_values> values_;
    std::array<char, texts_size> texts_;  // one behind the other
};

// It has one writer.
class Entry {
public:
    void open(const Listed &session) noexcept;
    void update(const Facts &facts) noexcept;
    // So many bytes for each side are not acknowledged, at this time in milliseconds since 1970; or
    // nobody has asked.
    void set_unacknowledged(std::uint64_t by_client, std::uint64_t by_backend,
                            std::uint64_t now) noexcept;
    void forget_unacknowledged() noexcept { set(detail::asked_at, 0); }
    void close() noexcept;

    // 0: there is no session.
    [[nodiscard]] std::uint64_t number() const noexcept {
        return number_.load(std::memory_order_acquire);
    }
    // For so long either side has kept the other waiting; and the last round trip.
    [[nodiscard]] Millis stalled() const noexcept {
        return values_[detail::stall_client].get() + values_[detail::stall_backend].get();
    }
    [[nodiscard]] Millis round_trip() const noexcept { return values_[detail::rtt].get(); }

    // False if the session is not, or no longer, the one of this number.
    [[nodiscard]] bool read(std::uint64_t number, EntryCopy &copy) const noexcept;

private:
    void set(detail::EntryValue which, std::uint64_t value) noexcept { values_[which].set(value); }
    void set_texts(const Listed &session) noexcept;

    std::atomic<std::uint64_t> number_{0};
    std::array<Counter, detail::entry_values> values_;
    std::array<Counter, EntryCopy::texts_size / sizeof(std::uint64_t)> texts_;
};

}  // namespace ws
