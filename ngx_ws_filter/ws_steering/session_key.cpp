#include "ngx_ws_filter/ws_steering/session_key.hpp"

#include "ngx_ws_filter/ws_handshake/digest.hpp"

#include <cstring>

namespace ws {

std::optional<SessionKey> session_key(std::string_view text) noexcept {
    SessionKey key;
    if (text.empty()) {
        return key;
    }
    Digest digest;
    if (!compute_digest(text, EVP_sha256(), digest)) {
        return std::nullopt;
    }
    std::memcpy(key.words.data(), digest.data(), sizeof(key.words));
    return key;
}

}  // namespace ws
