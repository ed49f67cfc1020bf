#include "ngx_ws_filter/ws_handshake/digest.hpp"

#include <openssl/err.h>

namespace ws {

bool compute_digest(std::string_view text, const EVP_MD *kind, Digest &digest) noexcept {
    if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, kind, nullptr) != 1) {
        // Or whoever uses libcrypto next takes the errors for its own.
        ERR_clear_error();
        return false;
    }
    return true;
}

}  // namespace ws
