// Records as the backend speaks them: a length, the opcode if it is typed, and as many bytes of
// payload as the length says. A varint of a backend may be longer than it must, up to 5 bytes.
#pragma once

#include "ngx_ws_filter/ws_frames/room.hpp"
#include "ngx_ws_filter/ws_framing/framing.hpp"

#include <array>

namespace ws {

// Messages of the client to records. A message whose length is known when it begins is passed on
// as it comes; any other is held in the caller's memory until it is whole.
class RecordWriter {
public:
    explicit RecordWriter(const FramingSettings &settings) noexcept : settings_(&settings) {}

    // Free bytes that a room must have for a begin() and for a take().
    static constexpr std::size_t min_room = 6;
    static constexpr std::uint64_t unknown = UINT64_MAX;

    // Whether memory, or more of it, has to be given before a message of this length can begin, or
    // go on.
    [[nodiscard]] bool wants_memory(bool begins, std::uint64_t length) const noexcept;

    // What was held stands at the front of it. May be taken away when nothing is held.
    void hold_in(std::span<std::uint8_t> memory) noexcept { memory_ = memory; }

    // A message is held, or what was held is being written.
    [[nodiscard]] bool holds() const noexcept { return holding_; }
    [[nodiscard]] std::size_t held() const noexcept { return held_ - drained_; }
    // What it will take of the stream to the backend, its header included, before anything behind
    // it; 0 if no byte is held.
    [[nodiscard]] std::size_t held_in_stream() const noexcept;

    void begin(Opcode opcode, std::uint64_t length, Room &room) noexcept;

    // Where the next bytes of the message are to be put: in the room, or in the memory.
    [[nodiscard]] Room space(const Room &room) const noexcept;

    // Takes what was put there.
    void take(std::span<std::uint8_t> bytes, bool ends_message, Room &room) noexcept;

    // Writes what waits of a whole message that was held. Returns whether nothing is left.
    [[nodiscard]] bool drain(Room &room) noexcept;

private:
    void put_header(std::uint64_t length, Room &room) noexcept;

    const FramingSettings *settings_;
    std::span<std::uint8_t> memory_;
    std::size_t held_ = 0;
    std::size_t drained_ = 0;
    Opcode opcode_ = Opcode::binary;
    bool holding_ = false;
    bool whole_ = false;  // what is held
};

// Bytes of the backend to messages.
class RecordReader {
public:
    explicit RecordReader(const FramingSettings &settings) noexcept : settings_(&settings) {}

    // These work as those of LineReader.
    [[nodiscard]] PartStatus next(std::span<const std::uint8_t> &from, Part &part) noexcept;
    [[nodiscard]] PartStatus finish() noexcept;
    [[nodiscard]] BackendFault fault() const noexcept { return fault_; }

private:
    [[nodiscard]] bool read_header(std::span<const std::uint8_t> &from) noexcept;
    [[nodiscard]] bool length_is_whole() const noexcept;
    [[nodiscard]] bool header_is_whole() const noexcept;
    [[nodiscard]] BackendFault check_header() const noexcept;
    [[nodiscard]] std::uint64_t length() const noexcept;

    const FramingSettings *settings_;
    std::uint64_t left_ = 0;  // of the record
    bool in_record_ = false;  // its header was read
    bool started_ = false;    // a part of it was given
    BackendFault fault_ = BackendFault::none;
    std::uint8_t header_size_ = 0;
    std::array<std::uint8_t, 5> header_{};  // a varint, or a length and a type
};

}  // namespace ws
