#include "t/hostile/zlib_streams.hpp"

#include <array>

namespace hostile {

std::string Compressor::message(std::string text) {
    if (text.empty()) {
        return std::string(1, '\0');
    }
    deflateReset(&stream_);
    std::string compressed(text.size() + text.size() / 4 + 100, '\0');
    stream_.next_in = reinterpret_cast<Bytef *>(text.data());
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef *>(compressed.data());
    stream_.avail_out = static_cast<uInt>(compressed.size());
    deflate(&stream_, Z_SYNC_FLUSH);
    compressed.resize(compressed.size() - stream_.avail_out - 4);
    return compressed;
}

bool Decompressor::take(sim::Bytes bytes, std::string &to, std::size_t most) {
    std::array<std::uint8_t, 16384> room;
    stream_.next_in = const_cast<Bytef *>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    const std::size_t before = to.size();
    do {
        stream_.next_out = room.data();
        stream_.avail_out = room.size();
        const int result = inflate(&stream_, Z_SYNC_FLUSH);
        to.append(reinterpret_cast<const char *>(room.data()), room.size() - stream_.avail_out);
        if (result != Z_OK && result != Z_BUF_ERROR) {
            return false;
        }
    } while (stream_.avail_out == 0 && to.size() - before < most);
    return true;
}

bool Decompressor::end_message(std::string &to, std::size_t most) {
    static constexpr std::uint8_t tail[] = {0, 0, 0xff, 0xff};
    return take(tail, to, most);
}

}  // namespace hostile
