// What a session with compression sends. RFC 7692, section 6.
#include "ngx_ws_filter/ws_messages/session.hpp"

#include <cassert>

namespace ws {

Session::Wrapped Session::wrap(std::span<std::uint8_t> payload,
                               std::span<std::uint8_t> room) noexcept {
    assert(compression_ != nullptr &&
           payload.size() <= max_payload(room.size() - writer_.key_size()));
    bool valid = true;
    if (outgoing_ == Opcode::text) {
        payload = whole_text(payload, valid);
    }
    if (payload.empty()) {
        return {.frame = {}, .valid = valid};
    }
    const std::span<std::uint8_t> compressed =
        compression_->deflate(payload, room.subspan(max_header_size + writer_.key_size()));
    if (compressed.empty()) {
        return {.frame = with_header(payload), .valid = valid};
    }
    ++frames_out_;
    return {.frame = writer_.frame(compressed, {.opcode = outgoing_, .compressed = true}),
            .valid = valid};
}

}  // namespace ws
