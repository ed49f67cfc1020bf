// A page of the list of open sessions, as JSON.
#pragma once

#include "ngx_ws_filter/ws_status/board.hpp"
#include "ngx_ws_filter/ws_status/query.hpp"

namespace ws {

class SessionList {
public:
    // One session that may be on the page.
    struct Candidate {
        const Entry *entry;
        std::uint64_t number;
        Millis slowness;  // 0 where the order is by number
    };

    // What there may be of them; the board may get more meanwhile, which are left out.
    [[nodiscard]] static std::size_t count(const Board &board, const BoardHost &host) noexcept;

    // Chooses what is on the page, with room for count() candidates.
    SessionList(const Board &board, const BoardHost &host, const StatusQuery &query,
                std::span<Candidate> room) noexcept;

    // `now`: milliseconds since 1970. A session that has ended meanwhile is left out.
    void write_json(std::uint64_t now, Text &to) const noexcept;

    // Bytes that are enough for it.
    [[nodiscard]] std::size_t most_json() const noexcept {
        return 64 + chosen_.size() * (EntryCopy::most_json + 2);
    }

private:
    std::span<Candidate> chosen_;
    std::uint64_t next_ = 0;  // what is to be asked for to get those behind them; 0: there are none
};

}  // namespace ws
