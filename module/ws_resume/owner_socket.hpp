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

}  // namespace ngx_ws
