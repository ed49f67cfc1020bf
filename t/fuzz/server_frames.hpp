// Frames as a client reads them from a server, checked as it would: nothing of ours is used.
#pragma once

#include "t/fuzz/fuzz.hpp"

namespace fuzz {

struct ServerFrame {
    unsigned opcode;
    bool compressed;
    bool fin;
    std::string payload;
};

// Takes one whole and unmasked frame, with its length in the shortest form.
[[nodiscard]] inline ServerFrame take_fragment(Bytes &stream) {
    require(stream.size() >= 2);
    const unsigned first = stream[0];
    std::size_t length = stream[1];
    require((first & 0x30U) == 0 && length <= 127);
    std::size_t header = 2;
    if (length >= 126) {
        const std::size_t shortest = length == 126 ? 126 : 0x10000;
        header += length == 126 ? 2 : 8;
        require(stream.size() >= header);
        length = 0;
        for (std::size_t i = 2; i < header; ++i) {
            length = length << 8U | stream[i];
        }
        require(length >= shortest);
    }
    require(length <= stream.size() - header);
    const ServerFrame frame{first & 0x0fU, (first & 0x40U) != 0, (first & 0x80U) != 0,
                            std::string(text(stream.subspan(header, length)))};
    stream = stream.subspan(header + length);
    const bool control = frame.opcode >= 8;
    require(!control || (length <= 125 && !frame.compressed && frame.fin && frame.opcode <= 10));
    require(control || frame.opcode <= 2);
    require(frame.opcode != 0 || !frame.compressed);
    return frame;
}

// The same for a frame that is a message by itself, or a control frame.
[[nodiscard]] inline ServerFrame take_frame(Bytes &stream) {
    const ServerFrame frame = take_fragment(stream);
    require(frame.fin && frame.opcode != 0);
    return frame;
}

}  // namespace fuzz
