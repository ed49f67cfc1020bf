// Compression of messages by zlib in the caller's memory. RFC 7692, section 7.2.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

// The memory that zlib gets, and gives back all at once. It is the caller's, aligned as malloc()
// aligns, and lasts as long as the stream that it was lent to.
class ZlibMemory {
public:
    void use(std::span<std::uint8_t> memory) noexcept;
    void lend_to(z_stream &stream) noexcept;
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    [[nodiscard]] static void *take(void *self, unsigned count, unsigned size) noexcept;
    static void give_back(void *, void *) noexcept {}

    std::span<std::uint8_t> memory_;
    std::size_t used_ = 0;
};

enum class InflateStatus : std::uint8_t {
    needs_more,  // all that was given is taken; if it was a message's end, so is the message
    room_full,   // there may be more to write; all or a part of what was given is taken
    broken,  // not deflate data, or a message that ends inside a block; reset() or begin() helps
};

// Decompresses one message after the other, in pieces of any size. A piece of a message costs no
// more than the room that is offered for it, however much it holds.
class Inflater {
public:
    // Bytes that begin() needs for a window of 2^bits, 9 to 15. A window may be larger than that of
    // the compressor, so one of 15 bits reads everything. What refers farther back than the window
    // is broken, unless the room of this call still holds it: it is never read as something else.
    [[nodiscard]] static constexpr std::size_t memory_size(unsigned bits) noexcept {
        return 7424 + (std::size_t{1} << bits);
    }

    Inflater() noexcept = default;
    Inflater(const Inflater &) = delete;
    Inflater &operator=(const Inflater &) = delete;

    // Makes ready for a first message. `memory` stays the caller's, is aligned as malloc() aligns,
    // lasts as long as this object is used, and is all that zlib ever takes. May be called again.
    // False if there is too little of it.
    [[nodiscard]] bool begin(std::span<std::uint8_t> memory, unsigned bits) noexcept;

    // Forgets all messages before, which the next one cannot refer to any more.
    void reset() noexcept;

    // Section 7.2.2. Takes bytes off the front of `from` and writes to the front of `room`, moved
    // behind what was written. `ends_message`: nothing of this message follows `from`; until it is
    // taken as a whole it is offered again, with what is left of `from`.
    [[nodiscard]] InflateStatus inflate(std::span<const std::uint8_t> &from,
                                        std::span<std::uint8_t> &room, bool ends_message) noexcept;

    // Bytes of the memory that are in use.
    [[nodiscard]] std::size_t used() const noexcept { return memory_.used(); }

private:
    [[nodiscard]] InflateStatus run(std::span<const std::uint8_t> &from,
                                    std::span<std::uint8_t> &room) noexcept;
    [[nodiscard]] InflateStatus end_message(std::span<std::uint8_t> &room) noexcept;

    ZlibMemory memory_;
    z_stream stream_{};
    std::uint8_t tail_taken_ = 0;  // bytes of what the sender has cut off
    bool inside_message_ = false;  // a byte of it was taken
    bool between_blocks_ = false;  // where a message may end
    bool final_block_ = false;     // one has ended, and nothing was taken since
};

struct DeflateSettings {
    unsigned level = 1;         // 1, fast, to 9, small
    unsigned bits = 15;         // 9 to 15: the window is 2^bits bytes
    unsigned memory_level = 8;  // 1 to 9: more finds more, and is faster

    bool operator==(const DeflateSettings &) const noexcept = default;
};

// Compresses one message after the other, as a whole or in parts.
class Deflater {
public:
    // Bytes that begin() needs with zlib up to 1.3.1.
    [[nodiscard]] static constexpr std::size_t memory_size(unsigned bits,
                                                           unsigned memory_level) noexcept {
        return 6144 + (std::size_t{4} << bits) + (std::size_t{2} << (memory_level + 7)) +
               (std::size_t{5} << (memory_level + 6));
    }

    // Bytes of room that a message of `size` bytes needs, however badly it compresses.
    [[nodiscard]] static constexpr std::size_t max_size(std::size_t size) noexcept {
        return size + size / 8 + size / 64 + 32;
    }

    // The other way round: the largest message that is sure to fit into `room` bytes.
    [[nodiscard]] static constexpr std::size_t max_message(std::size_t room) noexcept {
        return room < 34 ? 0 : (room - 34) / 73 * 64;
    }

    Deflater() noexcept = default;
    Deflater(const Deflater &) = delete;
    Deflater &operator=(const Deflater &) = delete;

    // Takes memory and can fail as Inflater::begin() does.
    [[nodiscard]] bool begin(std::span<std::uint8_t> memory,
                             const DeflateSettings &settings) noexcept;
    void reset() noexcept;

    // Section 7.2.1. Writes the payload of a compressed message, at most UINT_MAX bytes, to the
    // front of `room`, max_size() bytes or more, and returns how many bytes it has: at least one.
    // Where a message comes in parts, only the last may be empty.
    [[nodiscard]] std::size_t deflate(std::span<const std::uint8_t> message,
                                      std::span<std::uint8_t> room,
                                      bool ends_message = true) noexcept;

    // Writes what deflate() would, but without compression and without a state of zlib.
    [[nodiscard]] static std::size_t store(std::span<const std::uint8_t> message,
                                           std::span<std::uint8_t> room,
                                           bool ends_message) noexcept;

    // What begin() was told.
    [[nodiscard]] const DeflateSettings &settings() const noexcept { return settings_; }
    [[nodiscard]] std::size_t used() const noexcept { return memory_.used(); }

private:
    ZlibMemory memory_;
    z_stream stream_{};
    DeflateSettings settings_;
};

}  // namespace ws
