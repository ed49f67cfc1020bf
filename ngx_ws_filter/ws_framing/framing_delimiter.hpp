// Messages as the backend speaks them, each ended by a delimiter.
#pragma once

#include "ngx_ws_filter/ws_frames/room.hpp"
#include "ngx_ws_filter/ws_framing/open_message.hpp"

namespace ws {

// Messages of the client, each followed by the delimiter. One that would end earlier for the
// backend, because the delimiter stands in it or in its last bytes and the delimiter together, is
// refused.
class DelimiterWriter {
public:
    explicit DelimiterWriter(const FramingSettings &settings) noexcept : settings_(&settings) {}

    // These work as those of LineWriter. In front of a violation stands everything before the byte
    // that would have made a delimiter whole.
    static constexpr std::size_t min_room = 1 + Delimiter::max_size;
    void begin() noexcept { matched_ = 0; }
    [[nodiscard]] Room space(const Room &room) const noexcept;
    [[nodiscard]] Violation take(std::span<std::uint8_t> bytes, bool ends_message,
                                 Room &room) noexcept;

private:
    [[nodiscard]] bool ends_early() const noexcept;

    const FramingSettings *settings_;
    std::size_t matched_ = 0;  // bytes of a delimiter that the message may have begun
};

// Bytes of the backend to messages, without their delimiters. The end of the stream cuts a message
// that has none yet, unless it is nothing but CR and LF: STOMP allows these behind its last frame.
class DelimiterReader {
public:
    explicit DelimiterReader(const FramingSettings &settings) noexcept : message_(settings) {}

    // These work as those of LineReader.
    [[nodiscard]] PartStatus next(std::span<const std::uint8_t> &from, Part &part) noexcept;
    void cut() noexcept { cut_ = true; }
    [[nodiscard]] PartStatus finish(Part &part) noexcept;
    [[nodiscard]] BackendFault fault() const noexcept { return message_.fault(); }

private:
    [[nodiscard]] PartStatus resolve_held(std::span<const std::uint8_t> &from, Part &part) noexcept;
    [[nodiscard]] PartStatus give_held(std::size_t size, bool ends, Part &part) noexcept;
    [[nodiscard]] PartStatus give(std::span<const std::uint8_t> payload, bool ends,
                                  Part &part) noexcept;

    OpenMessage message_;
    std::size_t held_ = 0;  // bytes of a delimiter that may be one, or the message's own
    bool blank_ = true;     // what was given is CR and LF
    bool cut_ = false;
};

}  // namespace ws
