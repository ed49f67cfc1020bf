// ws_framing of one connection: its framer, and the memory of a message that has to be held.
#pragma once

#include "module/ws_session/buffers.hpp"

#include "ngx_ws_filter/ws_framing/framer.hpp"

namespace ngx_ws {

// Made in the request's pool, for every framing but the stream, and released with the relay.
class Framing {
public:
    explicit Framing(const ws::FramingSettings &settings) noexcept : framer_(settings) {}

    [[nodiscard]] ws::Framer &framer() noexcept { return framer_; }

    // Bytes of the client that are held.
    [[nodiscard]] size_t held() const noexcept { return framer_.held(); }
    // See Framer.
    [[nodiscard]] size_t held_in_stream() const noexcept { return framer_.held_in_stream(); }

    // Lends the framer memory, or more of it; false if there is none.
    [[nodiscard]] bool lend() noexcept;
    // Gives it back if nothing is held.
    void take_back() noexcept;

    void release() noexcept;

private:
    ws::Framer framer_;
    HeldBuffer *memory_ = nullptr;
};

}  // namespace ngx_ws
