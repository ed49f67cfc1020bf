#include "ngx_ws_filter/ws_compression/deflate.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <climits>

namespace ws {
namespace {

// What a flush of zlib ends with. The sender cuts it off (section 7.2.1), and the receiver puts it
// back (section 7.2.2).
constexpr std::array<std::uint8_t, 4> tail{0x00, 0x00, 0xff, 0xff};

// Bits of z_stream::data_type behind inflate().
constexpr int unused_bits = 63;
constexpr int after_block = 128;

constexpr std::size_t alignment = alignof(std::max_align_t);

[[nodiscard]] uInt capped(std::size_t size) noexcept {
    return static_cast<uInt>(std::min<std::size_t>(size, UINT_MAX));
}

}  // namespace

void ZlibMemory::use(std::span<std::uint8_t> memory) noexcept {
    assert(reinterpret_cast<std::uintptr_t>(memory.data()) % alignment == 0);
    memory_ = memory;
    used_ = 0;
}

void ZlibMemory::lend_to(z_stream &stream) noexcept {
    stream.zalloc = take;
    stream.zfree = give_back;
    stream.opaque = this;
}

void *ZlibMemory::take(void *self, unsigned count, unsigned size) noexcept {
    ZlibMemory &memory = *static_cast<ZlibMemory *>(self);
    const std::size_t wanted = std::size_t{count} * size;
    const std::size_t rounded = (wanted + alignment - 1) / alignment * alignment;
    if (rounded > memory.memory_.size() - memory.used_) {
        return nullptr;
    }
    memory.used_ += rounded;
    return memory.memory_.data() + (memory.used_ - rounded);
}

bool Inflater::begin(std::span<std::uint8_t> memory, unsigned bits) noexcept {
    assert(bits >= 9 && bits <= 15);
    memory_.use(memory);
    stream_ = {};
    memory_.lend_to(stream_);
    if (inflateInit2(&stream_, -static_cast<int>(bits)) != Z_OK) {
        return false;
    }
    // A dictionary makes zlib take its window now, and not when a message needs it.
    const std::uint8_t byte = 0;
    const bool ready = inflateSetDictionary(&stream_, &byte, 1) == Z_OK;
    reset();
    return ready;
}

void Inflater::reset() noexcept {
    (void)inflateReset(&stream_);
    tail_taken_ = 0;
    inside_message_ = false;
    final_block_ = false;
}

InflateStatus Inflater::inflate(std::span<const std::uint8_t> &from, std::span<std::uint8_t> &room,
                                bool ends_message) noexcept {
    inside_message_ = inside_message_ || !from.empty();
    if (tail_taken_ == 0) {
        const InflateStatus status = run(from, room);
        if (status != InflateStatus::needs_more) {
            return status;
        }
    }
    return ends_message ? end_message(room) : InflateStatus::needs_more;
}

// Two ends are not by the book, and clear all the same: a message without a byte, which stands for
// an empty one, and one that ends with its final block and needs no tail.
InflateStatus Inflater::end_message(std::span<std::uint8_t> &room) noexcept {
    if (inside_message_ && (!final_block_ || tail_taken_ != 0)) {
        std::span<const std::uint8_t> rest = std::span{tail}.subspan(tail_taken_);
        const InflateStatus status = run(rest, room);
        tail_taken_ = static_cast<std::uint8_t>(tail.size() - rest.size());
        if (status != InflateStatus::needs_more) {
            return status;
        }
        if (!between_blocks_) {
            return InflateStatus::broken;
        }
    }
    tail_taken_ = 0;
    inside_message_ = false;
    final_block_ = false;
    return InflateStatus::needs_more;
}

// Runs until `from` is taken and written, or the room is full.
InflateStatus Inflater::run(std::span<const std::uint8_t> &from,
                            std::span<std::uint8_t> &room) noexcept {
    do {
        if (room.empty()) {
            return InflateStatus::room_full;
        }
        const uInt given = stream_.avail_in = capped(from.size());
        const uInt free = stream_.avail_out = capped(room.size());
        stream_.next_in = const_cast<std::uint8_t *>(from.data());
        stream_.next_out = room.data();

        const int result = ::inflate(&stream_, Z_SYNC_FLUSH);
        from = from.subspan(given - stream_.avail_in);
        room = room.subspan(free - stream_.avail_out);
        // A block may end in a byte that was taken before, once what stands in front is written.
        // Without either zlib does not say again where it is.
        if (given != stream_.avail_in || free != stream_.avail_out) {
            between_blocks_ = (stream_.data_type & (after_block | unused_bits)) == after_block;
            final_block_ = false;
        }
        if (result == Z_STREAM_END) {
            // A sender may end a message by a final block (section 7.2.3.4), which is not the end
            // of its stream.
            final_block_ = true;
            (void)inflateResetKeep(&stream_);
            continue;
        }
        if (result != Z_OK && result != Z_BUF_ERROR) {
            return InflateStatus::broken;
        }
    } while (!from.empty());
    return room.empty() ? InflateStatus::room_full : InflateStatus::needs_more;
}

bool Deflater::begin(std::span<std::uint8_t> memory, const DeflateSettings &settings) noexcept {
    assert(settings.bits >= 9 && settings.bits <= 15);
    settings_ = settings;
    memory_.use(memory);
    stream_ = {};
    memory_.lend_to(stream_);
    return deflateInit2(&stream_, static_cast<int>(settings.level), Z_DEFLATED,
                        -static_cast<int>(settings.bits), static_cast<int>(settings.memory_level),
                        Z_DEFAULT_STRATEGY) == Z_OK;
}

void Deflater::reset() noexcept {
    (void)deflateReset(&stream_);
}

std::size_t Deflater::deflate(std::span<const std::uint8_t> message, std::span<std::uint8_t> room,
                              bool ends_message) noexcept {
    assert(room.size() >= max_size(message.size()) && message.size() <= UINT_MAX);
    if (message.empty()) {
        // zlib does not flush twice in a row: section 7.2.3.6.
        room[0] = 0x00;
        return 1;
    }
    stream_.next_in = const_cast<std::uint8_t *>(message.data());
    stream_.avail_in = static_cast<uInt>(message.size());
    stream_.next_out = room.data();
    stream_.avail_out = capped(room.size());
    (void)::deflate(&stream_, Z_SYNC_FLUSH);
    assert(stream_.avail_in == 0 && stream_.avail_out != 0);
    const auto size = static_cast<std::size_t>(stream_.next_out - room.data());
    return ends_message ? size - tail.size() : size;
}

// RFC 1951, section 3.2.4. Each block begins at a byte, because the one before ended at one.
std::size_t Deflater::store(std::span<const std::uint8_t> message, std::span<std::uint8_t> room,
                            bool ends_message) noexcept {
    constexpr std::size_t longest = 0xffff;
    assert(room.size() >= max_size(message.size()));
    std::uint8_t *to = room.data();
    while (!message.empty()) {
        const std::size_t size = std::min(message.size(), longest);
        *to++ = 0x00;
        for (const std::size_t length : {size, ~size}) {
            *to++ = static_cast<std::uint8_t>(length);
            *to++ = static_cast<std::uint8_t>(length >> 8U);
        }
        to = std::copy_n(message.begin(), size, to);
        message = message.subspan(size);
    }
    if (ends_message) {
        *to++ = 0x00;
    }
    return static_cast<std::size_t>(to - room.data());
}

}  // namespace ws
