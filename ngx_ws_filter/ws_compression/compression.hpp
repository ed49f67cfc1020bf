// What one session keeps for permessage-deflate. RFC 7692, sections 6 and 7.2.
#pragma once

#include "ngx_ws_filter/ws_compression/deflate.hpp"
#include "ngx_ws_filter/ws_compression/deflate_offer.hpp"
#include "ngx_ws_filter/ws_frames/frame_reader.hpp"
#include "ngx_ws_filter/ws_frames/room.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// Payload of compressed messages, as it is on the wire and without that; of those in the making
// too.
struct CompressionCounts {
    std::uint64_t plain_in = 0;
    std::uint64_t compressed_in = 0;
    std::uint64_t plain_out = 0;
    std::uint64_t compressed_out = 0;
};

// zlib's states are the caller's, and may be shared by many sessions. One inflater has to be lent
// for each Session::receive(), and one deflater for each wrap(); without that a message goes out as
// it is. After the call the caller may give a state to another session, unless this one keeps it:
// without context takeover it keeps an inflater only while a compressed message is open, and never
// a deflater; with it, each from the first message that used it.
class Compression {
public:
    // Messages to the client shorter than `min_length` bytes, 0 or more, go out as they are.
    Compression(const DeflateParameters &agreed, std::size_t min_length) noexcept
        : agreed_(agreed), min_length_(min_length) {}

    [[nodiscard]] const DeflateParameters &agreed() const noexcept { return agreed_; }

    // The bits of the smallest window that reads all that the client may send: 9 to 15.
    [[nodiscard]] unsigned inflater_bits() const noexcept;

    // Null takes a state back.
    void lend(Inflater *inflater) noexcept { inflater_ = inflater; }
    void lend(Deflater *deflater) noexcept { deflater_ = deflater; }
    [[nodiscard]] bool keeps_inflater() const noexcept { return inflater_in_use_; }
    [[nodiscard]] bool keeps_deflater() const noexcept { return deflater_in_use_; }

    [[nodiscard]] const CompressionCounts &counts() const noexcept { return counts_; }

    // The rest is for Session.

    // Writes what a piece of a compressed message holds, and removes from it what is done.
    [[nodiscard]] InflateStatus inflate(Piece &piece, Room &room) noexcept;

    // Counts inflated bytes of a message, and returns how many of them are over the limit, if it
    // is not 0.
    [[nodiscard]] std::size_t excess(std::size_t size, std::uint64_t limit) noexcept;

    // The payload of the compressed message, at the front of `room`, Deflater::max_size() bytes or
    // more, or nothing if it should go out as it is. Of a message in parts this is for the first,
    // which is not empty.
    [[nodiscard]] std::span<std::uint8_t> deflate(std::span<const std::uint8_t> message,
                                                  std::span<std::uint8_t> room,
                                                  bool ends_message = true) noexcept;

    // Compresses a later part of a message whose first was compressed. Only the last may be empty.
    [[nodiscard]] std::span<std::uint8_t> deflate_on(std::span<const std::uint8_t> part,
                                                     std::span<std::uint8_t> room,
                                                     bool ends_message) noexcept;

private:
    void count_sent(std::size_t plain, std::size_t compressed) noexcept {
        counts_.plain_out += plain;
        counts_.compressed_out += compressed;
    }
    [[nodiscard]] std::size_t run_deflater(std::span<const std::uint8_t> part,
                                           std::span<std::uint8_t> room,
                                           bool ends_message) noexcept;

    DeflateParameters agreed_;
    std::size_t min_length_;
    Inflater *inflater_ = nullptr;
    Deflater *deflater_ = nullptr;
    std::uint64_t message_size_ = 0;  // inflated so far
    CompressionCounts counts_;
    bool inflater_in_use_ = false;
    bool deflater_in_use_ = false;
};

}  // namespace ws
