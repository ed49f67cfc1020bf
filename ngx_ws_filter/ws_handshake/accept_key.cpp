#include "ngx_ws_filter/ws_handshake/accept_key.hpp"

#include "ngx_ws_filter/ws_handshake/ascii.hpp"
#include "ngx_ws_filter/ws_handshake/digest.hpp"

#include <algorithm>

namespace ws {
namespace {

constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t key_size = 24;
constexpr std::size_t key_padding = 2;
constexpr int digest_size = 20;

constexpr bool is_base64_character(char c) noexcept {
    return is_letter(c) || is_digit(c) || c == '+' || c == '/';
}

}  // namespace

bool is_valid_key(std::string_view key) noexcept {
    if (key.size() != key_size) {
        return false;
    }
    const auto padding = key.end() - key_padding;
    return std::all_of(key.begin(), padding, is_base64_character) &&
           std::all_of(padding, key.end(), [](char c) { return c == '='; });
}

bool make_accept_key(std::string_view key, std::array<char, accept_key_size> &accept) noexcept {
    if (key.size() != key_size) {
        return false;
    }
    std::array<char, key_size + guid.size()> text;
    std::copy(guid.begin(), guid.end(), std::copy(key.begin(), key.end(), text.begin()));

    Digest digest;
    if (!compute_digest({text.data(), text.size()}, EVP_sha1(), digest)) {
        return false;
    }
    // EVP_EncodeBlock terminates what it writes.
    std::array<unsigned char, accept_key_size + 1> encoded;
    EVP_EncodeBlock(encoded.data(), digest.data(), digest_size);
    std::copy_n(encoded.begin(), accept_key_size, accept.begin());
    return true;
}

}  // namespace ws
