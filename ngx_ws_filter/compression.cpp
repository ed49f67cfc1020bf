#include "ngx_ws_filter/compression.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace ws {
namespace {

[[nodiscard]] std::size_t free_in(const Room &room) noexcept {
    return static_cast<std::size_t>(room.end - room.filled);
}

[[nodiscard]] InflateStatus copy(Piece &piece, Room &room) noexcept {
    const std::size_t size = std::min(piece.payload.size(), free_in(room));
    room.filled = std::copy_n(piece.payload.begin(), size, room.filled);
    piece.payload = piece.payload.subspan(size);
    return piece.payload.empty() ? InflateStatus::needs_more : InflateStatus::room_full;
}

}  // namespace

// A client that was asked for 256 bytes may have got 512 of its zlib.
unsigned Compression::inflater_bits() const noexcept {
    return std::max(agreed_.client_bits, 9U);
}

InflateStatus Compression::take(Piece &piece, Room &room) noexcept {
    return piece.compressed ? inflate(piece, room) : copy(piece, room);
}

InflateStatus Compression::inflate(Piece &piece, Room &room) noexcept {
    assert(inflater_ != nullptr);
    if (piece.starts_message) {
        message_size_ = 0;
        if (!inflater_in_use_) {
            inflater_->reset();
        }
        inflater_in_use_ = true;
    }
    std::span<const std::uint8_t> from = piece.payload;
    std::span<std::uint8_t> to{room.filled, room.end};
    const InflateStatus status = inflater_->inflate(from, to, piece.ends_message);
    piece.payload = piece.payload.last(from.size());
    room.filled = to.data();
    if (status == InflateStatus::needs_more && piece.ends_message) {
        inflater_in_use_ = !agreed_.client_no_takeover;
    }
    return status;
}

std::size_t Compression::excess(std::size_t size, std::uint64_t limit) noexcept {
    const std::uint64_t left = limit - message_size_;
    if (limit != 0 && size > left) {
        message_size_ = limit;
        return size - static_cast<std::size_t>(left);
    }
    message_size_ += size;
    return 0;
}

void Compression::put_back(ReadBuffer &buffer, const Piece &piece) noexcept {
    rest_ = piece;
    rest_.payload = {};
    rest_.starts_message = false;
    rest_size_ = piece.payload.size();
    rest_waits_ = true;
    buffer.unread -= rest_size_;
    // Where the header stood is room for it.
    if (rest_size_ != 0) {
        std::memmove(buffer.unread, piece.payload.data(), rest_size_);
    }
    buffer.packed = buffer.unread;
}

bool Compression::take_again(ReadBuffer &buffer, Piece &piece) noexcept {
    if (!rest_waits_) {
        return false;
    }
    assert(rest_size_ <= static_cast<std::size_t>(buffer.end - buffer.unread));
    rest_waits_ = false;
    piece = rest_;
    piece.payload = {buffer.unread, rest_size_};
    buffer.unread += rest_size_;
    return true;
}

// What did not become shorter goes out as it is, unless later messages may refer to it.
std::span<std::uint8_t> Compression::deflate(std::span<const std::uint8_t> message,
                                             std::span<std::uint8_t> room) noexcept {
    if (message.size() < min_length_ || deflater_ == nullptr) {
        return {};
    }
    if (!deflater_in_use_) {
        deflater_->reset();
    }
    deflater_in_use_ = !agreed_.server_no_takeover;
    const std::size_t size = deflater_->deflate(message, room);
    if (agreed_.server_no_takeover && size >= message.size()) {
        return {};
    }
    return room.first(size);
}

}  // namespace ws
