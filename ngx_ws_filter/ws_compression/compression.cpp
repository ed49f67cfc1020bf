#include "ngx_ws_filter/ws_compression/compression.hpp"

#include <algorithm>
#include <cassert>

namespace ws {
// A client that was asked for 256 bytes may have got 512 of its zlib.
unsigned Compression::inflater_bits() const noexcept {
    return std::max(agreed_.client_bits, 9U);
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
    counts_.compressed_in += piece.payload.size() - from.size();
    counts_.plain_in += static_cast<std::size_t>(to.data() - room.filled);
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

// What did not become shorter goes out as it is, unless later messages may refer to it.
std::span<std::uint8_t> Compression::deflate(std::span<const std::uint8_t> message,
                                             std::span<std::uint8_t> room,
                                             bool ends_message) noexcept {
    if (message.size() < min_length_ || deflater_ == nullptr) {
        return {};
    }
    const std::size_t size = run_deflater(message, room, ends_message);
    if (agreed_.server_no_takeover && size >= message.size()) {
        return {};
    }
    count_sent(message.size(), size);
    return room.first(size);
}

std::span<std::uint8_t> Compression::deflate_on(std::span<const std::uint8_t> part,
                                                std::span<std::uint8_t> room,
                                                bool ends_message) noexcept {
    const std::size_t size = deflater_ == nullptr ? Deflater::store(part, room, ends_message)
                                                  : run_deflater(part, room, ends_message);
    count_sent(part.size(), size);
    return room.first(size);
}

// Without takeover each part of a message is deflated on its own, so that a message costs no memory
// while its next part is waited for.
std::size_t Compression::run_deflater(std::span<const std::uint8_t> part,
                                      std::span<std::uint8_t> room, bool ends_message) noexcept {
    if (!deflater_in_use_) {
        deflater_->reset();
    }
    deflater_in_use_ = !agreed_.server_no_takeover;
    return deflater_->deflate(part, room, ends_message);
}

}  // namespace ws
