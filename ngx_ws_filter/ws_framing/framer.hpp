// The framing of one session, both ways: messages to the backend's bytes, and these to messages.
#pragma once

#include "ngx_ws_filter/ws_framing/framing_delimiter.hpp"
#include "ngx_ws_filter/ws_framing/framing_length.hpp"
#include "ngx_ws_filter/ws_framing/framing_line.hpp"

#include <algorithm>

namespace ws {

// For every framing but the stream, which needs none. The settings last as long as the object, and
// so does the memory that was lent, until it is taken away.
class Framer {
public:
    explicit Framer(const FramingSettings &settings) noexcept
        : settings_(&settings),
          line_writer_(settings),
          delimiter_writer_(settings),
          record_writer_(settings),
          line_reader_(settings),
          delimiter_reader_(settings),
          record_reader_(settings) {}

    [[nodiscard]] const FramingSettings &settings() const noexcept { return *settings_; }

    // Memory for a message that has to be whole before its length can be written, lent when
    // Session::receive() says memory_full: larger than what was lent before, and with the same
    // bytes at its front. It may be taken away, by lending nothing, when nothing is held.
    void hold_in(std::span<std::uint8_t> memory) noexcept { record_writer_.hold_in(memory); }
    [[nodiscard]] bool holds() const noexcept { return record_writer_.holds(); }
    // Bytes of the client that are held.
    [[nodiscard]] std::size_t held() const noexcept { return record_writer_.held(); }
    // How much is held, in bytes of the stream to the backend, as far as they will stand before
    // what follows.
    [[nodiscard]] std::size_t held_in_stream() const noexcept {
        return record_writer_.held_in_stream();
    }

    // What the backend said was cut off, and did not end: to be told before Session::wrap_end(). A
    // record that is cut is a fault in any case.
    void cut() noexcept;

    // The rest is for Session. See the writers and readers.

    static constexpr std::size_t min_room =
        std::max({LineWriter::min_room, DelimiterWriter::min_room, RecordWriter::min_room});
    static constexpr std::uint64_t unknown = RecordWriter::unknown;

    [[nodiscard]] bool wants_memory(bool begins, std::uint64_t length) const noexcept {
        return settings_->has_records() && record_writer_.wants_memory(begins, length);
    }
    void begin(Opcode opcode, std::uint64_t length, Room &room) noexcept;
    [[nodiscard]] Room space(const Room &room) const noexcept;
    [[nodiscard]] Violation take(std::span<std::uint8_t> bytes, bool ends_message,
                                 Room &room) noexcept;
    [[nodiscard]] bool drain(Room &room) noexcept { return record_writer_.drain(room); }

    [[nodiscard]] PartStatus next(std::span<const std::uint8_t> &from, Part &part) noexcept;
    [[nodiscard]] PartStatus finish(Part &part) noexcept;
    [[nodiscard]] BackendFault fault() const noexcept;

private:
    const FramingSettings *settings_;
    LineWriter line_writer_;
    DelimiterWriter delimiter_writer_;
    RecordWriter record_writer_;
    LineReader line_reader_;
    DelimiterReader delimiter_reader_;
    RecordReader record_reader_;
};

}  // namespace ws
