#include "ngx_ws_filter/ws_status/places.hpp"

namespace ws {

void Places::link(Shelf &shelf) noexcept {
    shelf.previous_with_room = nullptr;
    shelf.next_with_room = with_room_;
    if (with_room_ != nullptr) {
        with_room_->previous_with_room = &shelf;
    }
    with_room_ = &shelf;
}

void Places::unlink(Shelf &shelf) noexcept {
    if (shelf.next_with_room != nullptr) {
        shelf.next_with_room->previous_with_room = shelf.previous_with_room;
    }
    if (shelf.previous_with_room != nullptr) {
        shelf.previous_with_room->next_with_room = shelf.next_with_room;
    } else {
        with_room_ = shelf.next_with_room;
    }
}

Shelf::Place *Places::take() noexcept {
    if (with_room_ == nullptr) {
        Shelf *shelf = board_->take_shelf(*seat_, *host_);
        if (shelf == nullptr) {
            return nullptr;
        }
        link(*shelf);
    }
    Shelf &shelf = *with_room_;
    Shelf::Place *free = shelf.entries.data();
    while (free->taken) {
        ++free;
    }
    free->taken = true;
    if (++shelf.taken == Shelf::places) {
        unlink(shelf);
    }
    return free;
}

void Places::give_back(Shelf::Place &place) noexcept {
    Shelf &shelf = *place.shelf;
    place.entry.close();
    place.taken = false;
    if (shelf.taken-- == Shelf::places) {
        link(shelf);
    }
    const bool last = with_room_ == &shelf && shelf.next_with_room == nullptr;
    if (shelf.taken == 0 && !last) {
        unlink(shelf);
        board_->give_back(shelf, *host_);
    }
}

}  // namespace ws
