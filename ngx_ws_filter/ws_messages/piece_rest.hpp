// A piece of a message that could not be taken as a whole, between two reads.
#pragma once

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"

namespace ws {

// It is put back in front of the bytes that are unread, and its bytes are the caller's again.
class PieceRest {
public:
    // `piece`, the last that was read, without what was taken of it.
    void put_back(ReadBuffer &buffer, const Piece &piece) noexcept;

    // The piece again, if one waits; `buffer` has its bytes unread.
    [[nodiscard]] bool take(ReadBuffer &buffer, Piece &piece) noexcept;

private:
    std::size_t size_ = 0;
    Opcode opcode_ = Opcode::continuation;
    bool compressed_ = false;
    bool starts_message_ = false;
    bool ends_message_ = false;
    bool waits_ = false;
};

}  // namespace ws
