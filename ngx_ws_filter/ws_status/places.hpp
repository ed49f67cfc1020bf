// The places in the list of sessions that one process has.
#pragma once

#include "ngx_ws_filter/ws_status/board.hpp"

namespace ws {

class Places {
public:
    // All outlive the object.
    Places(Board &board, Seat &seat, BoardHost &host) noexcept
        : board_(&board), seat_(&seat), host_(&host) {}

    // A place for one session; null if there is no memory.
    [[nodiscard]] Shelf::Place *take() noexcept;
    // Its session is over. A shelf that is empty goes to whoever needs one, but for the last.
    void give_back(Shelf::Place &place) noexcept;

private:
    void link(Shelf &shelf) noexcept;
    void unlink(Shelf &shelf) noexcept;

    Board *board_;
    Seat *seat_;
    BoardHost *host_;
    Shelf *with_room_ = nullptr;
};

}  // namespace ws
