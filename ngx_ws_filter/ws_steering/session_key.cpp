#include "ngx_ws_filter/ws_steering/session_key.hpp"

#include <cstring>

#include <openssl/err.h>
#include <openssl/evp.h>

namespace ws {

std::optional<SessionKey> session_key(std::string_view text) noexcept {
    SessionKey key;
    if (text.empty()) {
        return key;
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
        // Or whoever uses libcrypto next takes the errors for its own.
        ERR_clear_error();
        return std::nullopt;
    }
    std::memcpy(key.words.data(), digest.data(), sizeof(key.words));
    return key;
}

}  // namespace ws
