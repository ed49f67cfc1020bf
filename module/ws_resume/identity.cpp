#include "module/ws_resume/identity.hpp"

#include "module/ws_settings/conf.hpp"

#include <openssl/rand.h>

namespace ngx_ws {

namespace {

// A worker is another process than its master, which never asks.
uint64_t the_number;

bool fill(void *to, size_t size) noexcept {
    return RAND_bytes(static_cast<unsigned char *>(to), static_cast<int>(size)) == 1;
}

}  // namespace

std::string_view node_name() noexcept {
    return ngx::view(main_conf().resume_node);
}

uint64_t worker_number() noexcept {
    return the_number;
}

bool make_secret(ws::SidSecret &secret) noexcept {
    while (the_number == 0) {
        if (!fill(&the_number, sizeof(the_number))) {
            return false;
        }
    }
    return fill(secret.data(), secret.size());
}

}  // namespace ngx_ws
