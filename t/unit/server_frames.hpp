// Frames as the gateway sends them, for tests that read them as text.
#pragma once

#include "t/unit/unit.hpp"

#include <string>

namespace unit {

// The first bytes of a client's frames.
inline constexpr unsigned data = 0x82;
inline constexpr unsigned ping = 0x89;
inline constexpr unsigned pong = 0x8a;
inline constexpr unsigned close_frame = 0x88;

// Frames of the gateway, short ones, as text: "pong x; close 1000 why; ".
[[nodiscard]] inline std::string as_text(std::string_view frames) {
    std::string text;
    while (!frames.empty()) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(frames[i]); };
        const std::size_t length = byte(1);
        check(length < 126 && length + 2 <= frames.size());
        std::string payload(frames.substr(2, length));
        switch (byte(0)) {
            case 0x88:
                text += "close";
                if (length >= 2) {
                    text += ' ' + std::to_string(byte(2) << 8U | byte(3));
                    payload.erase(0, 2);
                }
                break;
            case 0x89:
                text += "ping";
                payload.clear();  // its marker
                break;
            case 0x8a:
                text += "pong";
                break;
            default:
                text += byte(0) == 0x81 ? "text" : "binary";
        }
        text += (payload.empty() ? "" : " ") + payload + "; ";
        frames.remove_prefix(2 + length);
    }
    return text;
}

}  // namespace unit
