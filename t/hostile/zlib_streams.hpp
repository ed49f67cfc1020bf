// Compressed messages of a client, written and read. RFC 7692, section 7.2.
#pragma once

#include "t/sim/world.hpp"

#include <string>

#include <zlib.h>

namespace hostile {

class Compressor {
public:
    explicit Compressor(int window_bits) {
        deflateInit2(&stream_, 1, Z_DEFLATED, -window_bits, 1, Z_DEFAULT_STRATEGY);
    }
    ~Compressor() { deflateEnd(&stream_); }
    Compressor(const Compressor &) = delete;
    Compressor &operator=(const Compressor &) = delete;

    // Refers to no message before it.
    [[nodiscard]] std::string message(std::string text);

private:
    z_stream stream_{};
};

class Decompressor {
public:
    Decompressor() { inflateInit2(&stream_, -15); }
    ~Decompressor() { inflateEnd(&stream_); }
    Decompressor(const Decompressor &) = delete;
    Decompressor &operator=(const Decompressor &) = delete;

    // Appends at most about `most` bytes to `to`. False: this is no deflate stream, or one that
    // ends by itself.
    [[nodiscard]] bool take(sim::Bytes bytes, std::string &to, std::size_t most);
    // The same for the end of each message.
    [[nodiscard]] bool end_message(std::string &to, std::size_t most);
    void forget() { inflateReset(&stream_); }

private:
    z_stream stream_{};
};

}  // namespace hostile
