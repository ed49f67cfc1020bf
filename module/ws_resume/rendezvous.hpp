// Where a worker that leaves finds one that stays: names that all workers of this nginx know, of
// whatever configuration or binary, because they share the sockets on which nginx listens.
#pragma once

#include "module/ws_steering/abstract_address.hpp"

#include <array>

namespace ngx_ws {

class Rendezvous {
public:
    // To be called when the worker begins: later nginx may have closed those sockets.
    explicit Rendezvous(const ngx_cycle_t &cycle) noexcept;

    // By each of so many sockets of nginx there is a name, at most. A configuration may lack some
    // that another one has.
    static constexpr unsigned most_sockets = 4;

    // A socket that listens by a name of that one of them that is free; -1 if there is none.
    [[nodiscard]] int listen(unsigned at) const noexcept;

    // A socket that is connected to the next worker that listens, those that have the number of
    // this one before all others; -1 if there is no more. `place`: 0 at first, and then what it
    // was left at.
    [[nodiscard]] int connect_next(unsigned &place) const noexcept;

private:
    // So many workers of one number may listen at a time: each has another configuration.
    static constexpr unsigned slots = 8;

    void note(uint64_t inode) noexcept;
    [[nodiscard]] AbstractAddress address(uint64_t inode, ngx_uint_t worker,
                                          unsigned slot) const noexcept;

    std::array<uint64_t, most_sockets> inodes_{};
    unsigned count_ = 0;
    ngx_uint_t worker_;
};

// Whether the process at the other end belongs to the user that this one does.
[[nodiscard]] bool is_one_of_us(int socket) noexcept;

}  // namespace ngx_ws
