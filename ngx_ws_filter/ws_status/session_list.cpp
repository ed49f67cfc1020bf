#include "ngx_ws_filter/ws_status/session_list.hpp"

#include <algorithm>

namespace ws {

std::size_t SessionList::count(const Board &board, const BoardHost &host) noexcept {
    std::size_t count = 0;
    board.each_entry(host, [&](const Entry &entry) { count += entry.number() != 0 ? 1U : 0U; });
    return count;
}

SessionList::SessionList(const Board &board, const BoardHost &host, const StatusQuery &query,
                         std::span<Candidate> room) noexcept {
    const bool by_slowness = query.order == StatusQuery::Order::slowest;
    std::size_t found = 0;
    board.each_entry(host, [&](const Entry &entry) {
        const std::uint64_t number = entry.number();
        if (number > query.after && found < room.size()) {
            const Millis slowness = by_slowness ? entry.stalled() + entry.round_trip() : 0;
            room[found++] = {.entry = &entry, .number = number, .slowness = slowness};
        }
    });
    const auto stands_before = [](const Candidate &a, const Candidate &b) {
        return a.slowness != b.slowness ? a.slowness > b.slowness : a.number < b.number;
    };
    const std::size_t size = std::min<std::size_t>(found, query.limit);
    const auto begin = room.begin();
    std::partial_sort(begin, begin + static_cast<std::ptrdiff_t>(size),
                      begin + static_cast<std::ptrdiff_t>(found), stands_before);
    chosen_ = room.first(size);
    next_ = found > size && !by_slowness ? chosen_.back().number : 0;
}

void SessionList::write_json(std::uint64_t now, Text &to) const noexcept {
    to.put("{\"sessions\":[");
    bool first = true;
    for (const Candidate &candidate : chosen_) {
        EntryCopy copy;
        if (candidate.entry->read(candidate.number, copy)) {
            to.put(first ? "" : ",\n");
            copy.write_json(now, to);
            first = false;
        }
    }
    to.put("],\"next\":");
    (void)(next_ != 0 ? to.put(next_) : to.put("null"));
    to.put("}\n");
}

}  // namespace ws
