// The socket by which other workers of this nginx reach the sessions of this one. Its name is in
// each SID; only processes of the same user are let in.
#pragma once

#include "module/ws_steering/abstract_address.hpp"

namespace ngx_ws {

// The address of the worker with this number.
struct OwnerAddress : AbstractAddress {
    explicit OwnerAddress(uint64_t worker) noexcept : AbstractAddress('/', worker) {}
};

// Asks the kernel whether nobody listens there, for one that could not be reached: it may only have
// too much to do.
[[nodiscard]] bool is_gone(const OwnerAddress &owner) noexcept;

// Listens, if it does not yet. False if that cannot be: sessions can then be resumed in this worker
// alone.
bool listen_as_owner() noexcept;

// Listens for another worker, which has left its sessions to this one and is gone. The socket is
// closed if it cannot be.
void listen_for(uint64_t worker, int socket) noexcept;
// Whether it does, or the worker is this one.
[[nodiscard]] bool listens_for(uint64_t worker) noexcept;

struct OwnerSocket {
    OwnerSocket *next;
    uint64_t worker;
    ngx_connection_t *c;
    bool is_wanted;  // by sessions that are here, or were when the worker was told to go
    bool is_given;   // to the heir that there is
};
[[nodiscard]] OwnerSocket *owner_sockets() noexcept;

// Calls see(OwnerSocket &) for all that it listens for, itself included.
template <typename See>
void each_owner_socket(See see) noexcept {
    for (OwnerSocket *each = owner_sockets(); each != nullptr; each = each->next) {
        see(*each);
    }
}

}  // namespace ngx_ws
