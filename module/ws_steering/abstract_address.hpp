// An address of a worker of this nginx, in the namespace of names that no file has.
#pragma once

#include "module/ngx.hpp"

#include <sys/un.h>

namespace ngx_ws {

struct AbstractAddress {
    // "ngx_ws_filter", the mark of what the address is for, and the number.
    AbstractAddress(char mark, uint64_t number) noexcept {
        address.sun_family = AF_UNIX;
        auto *name = reinterpret_cast<u_char *>(address.sun_path) + 1;
        const u_char *end =
            ngx_sprintf(name, "ngx_ws_filter%c%016xL", static_cast<int>(mark), number);
        size = static_cast<socklen_t>(end - reinterpret_cast<const u_char *>(&address));
    }

    [[nodiscard]] const sockaddr *get() const noexcept {
        return reinterpret_cast<const sockaddr *>(&address);
    }

    sockaddr_un address = {};
    socklen_t size;
};

}  // namespace ngx_ws
