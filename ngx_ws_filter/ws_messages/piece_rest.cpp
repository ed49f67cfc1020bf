#include "ngx_ws_filter/ws_messages/piece_rest.hpp"

#include <cassert>
#include <cstring>

namespace ws {

void PieceRest::put_back(ReadBuffer &buffer, const Piece &piece) noexcept {
    size_ = piece.payload.size();
    opcode_ = piece.opcode;
    compressed_ = piece.compressed;
    starts_message_ = piece.starts_message;
    ends_message_ = piece.ends_message;
    waits_ = true;
    buffer.unread -= size_;
    // Where the header stood is room for it.
    if (size_ != 0) {
        std::memmove(buffer.unread, piece.payload.data(), size_);
    }
    buffer.packed = buffer.unread;
}

bool PieceRest::take(ReadBuffer &buffer, Piece &piece) noexcept {
    if (!waits_) {
        return false;
    }
    assert(size_ <= static_cast<std::size_t>(buffer.end - buffer.unread));
    waits_ = false;
    piece = {.opcode = opcode_,
             .compressed = compressed_,
             .starts_message = starts_message_,
             .ends_message = ends_message_,
             .payload = {buffer.unread, size_}};
    buffer.unread += size_;
    return true;
}

}  // namespace ws
