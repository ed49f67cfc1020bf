// Lines as the backend speaks them, ended by LF or by CR LF.
#pragma once

#include "ngx_ws_filter/ws_frames/room.hpp"
#include "ngx_ws_filter/ws_framing/open_message.hpp"

namespace ws {

// Messages of the client to lines. Each message is followed by a line end. One inside a message is
// LF or, where lines end in CR LF, any CR or LF: a backend may take either for an end. It is
// refused, unless the settings say that a message may be several lines; then each is written as a
// whole line end, and the message needs none behind it if it ends with one itself.
class LineWriter {
public:
    explicit LineWriter(const FramingSettings &settings) noexcept : settings_(&settings) {}

    // Free bytes that a room must have for one call of take().
    static constexpr std::size_t min_room = 4;

    void begin() noexcept;

    // The part of the room where the next bytes of the message are to be put.
    [[nodiscard]] Room space(const Room &room) const noexcept;

    // Takes what was put there, and fills the room. In front of a violation everything is good.
    [[nodiscard]] Violation take(std::span<std::uint8_t> bytes, bool ends_message,
                                 Room &room) noexcept;

private:
    [[nodiscard]] bool grows() const noexcept { return settings_->crlf && settings_->split; }
    [[nodiscard]] std::size_t find_end(std::span<const std::uint8_t> bytes) const noexcept;
    [[nodiscard]] Violation put(std::span<const std::uint8_t> bytes, Room &room) noexcept;
    [[nodiscard]] Violation end_inside(std::uint8_t byte, Room &room) noexcept;
    void put_end(Room &room) noexcept;

    const FramingSettings *settings_;
    std::uint64_t size_ = 0;  // of this line, so far
    bool ended_ = false;      // nothing of the message follows its last line end
    bool after_cr_ = false;   // which ended a line, and an LF belongs to it
};

// Bytes of the backend to messages, without their line ends. Where lines end in CR LF, an LF alone
// ends one too, and a CR alone is a byte like others.
class LineReader {
public:
    explicit LineReader(const FramingSettings &settings) noexcept : message_(settings) {}

    // Takes bytes off the front of `from`.
    [[nodiscard]] PartStatus next(std::span<const std::uint8_t> &from, Part &part) noexcept;

    // The stream has ended: the last line needs no line end. There is nothing more to read after.
    [[nodiscard]] PartStatus finish(Part &part) noexcept;
    // Ends a stream that was cut: a line that has begun is a fault.
    void cut() noexcept;

    [[nodiscard]] BackendFault fault() const noexcept { return message_.fault(); }

private:
    [[nodiscard]] PartStatus give(std::span<const std::uint8_t> payload, bool ends,
                                  Part &part) noexcept {
        return message_.give(payload, ends, BackendFault::line_too_long, part);
    }

    OpenMessage message_;
    bool cr_held_ = false;  // it may belong to the line's end
};

}  // namespace ws
