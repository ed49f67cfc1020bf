// Digests by libcrypto.
#pragma once

#include <array>
#include <string_view>

#include <openssl/evp.h>

namespace ws {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;  // as many of it as the kind has

// False if libcrypto cannot compute it: by a policy, or for want of memory.
[[nodiscard]] bool compute_digest(std::string_view text, const EVP_MD *kind,
                                  Digest &digest) noexcept;

}  // namespace ws
