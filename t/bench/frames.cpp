#include "t/bench/frames.hpp"

#include <cstring>

namespace bench {

namespace {

constexpr std::uint8_t fin = 0x80;
constexpr std::uint8_t mask_bit = 0x80;

std::size_t length_size(std::uint64_t length) {
    if (length < 126) {
        return 0;
    }
    return length < 65536 ? 2 : 8;
}

}  // namespace

std::size_t write_header(std::uint8_t *to, const FrameHeader &header) {
    const std::size_t extended = length_size(header.length);
    const std::uint64_t first = extended == 0 ? header.length : (extended == 2 ? 126 : 127);
    to[0] = fin | header.opcode;
    to[1] = static_cast<std::uint8_t>(first | (header.masked ? mask_bit : 0));
    for (std::size_t i = 0; i < extended; ++i) {
        to[2 + i] = static_cast<std::uint8_t>(header.length >> (8 * (extended - 1 - i)));
    }
    if (!header.masked) {
        return 2 + extended;
    }
    std::memcpy(to + 2 + extended, header.key.data(), header.key.size());
    return 2 + extended + header.key.size();
}

std::size_t read_header(std::span<const std::uint8_t> from, FrameHeader &header) {
    if (from.size() < 2) {
        return 0;
    }
    const std::uint8_t first = from[1] & 0x7f;
    const std::size_t extended = first < 126 ? 0 : (first == 126 ? 2 : 8);
    const bool masked = (from[1] & mask_bit) != 0;
    const std::size_t size = 2 + extended + (masked ? header.key.size() : 0);
    if (from.size() < size) {
        return 0;
    }
    header.opcode = from[0] & 0x0f;
    header.masked = masked;
    header.length = extended == 0 ? first : 0;
    for (std::size_t i = 0; i < extended; ++i) {
        header.length = header.length << 8 | from[2 + i];
    }
    if (masked) {
        std::memcpy(header.key.data(), from.data() + 2 + extended, header.key.size());
    }
    return size;
}

void apply_mask(std::span<std::uint8_t> bytes, const std::array<std::uint8_t, 4> &key,
                std::uint64_t offset) {
    std::array<std::uint8_t, 8> wide;
    for (std::size_t i = 0; i < wide.size(); ++i) {
        wide[i] = key[(offset + i) % key.size()];
    }
    std::uint64_t mask = 0;
    std::memcpy(&mask, wide.data(), sizeof(mask));
    std::size_t done = 0;
    for (; bytes.size() - done >= sizeof(mask); done += sizeof(mask)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + done, sizeof(word));
        word ^= mask;
        std::memcpy(bytes.data() + done, &word, sizeof(word));
    }
    for (; done < bytes.size(); ++done) {
        bytes[done] ^= wide[done % wide.size()];
    }
}

std::size_t FrameStream::gather_header(std::span<const std::uint8_t> bytes) {
    if (gathered_ == 0) {
        // The usual case: it is there as a whole.
        const std::size_t size = read_header(bytes, header_);
        if (size != 0) {
            return size;
        }
    }
    for (std::size_t used = 0; used < bytes.size();) {
        partial_[gathered_++] = bytes[used++];
        if (read_header({partial_.data(), gathered_}, header_) != 0) {
            gathered_ = 0;
            return used;
        }
    }
    return bytes.size();
}

}  // namespace bench
