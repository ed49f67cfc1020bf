// Bytes as a client sends them, right or wrong, the ways to cut them, and what they were read as.
// The library's own writer, which writes no wrong frame, is not used: what it and the reader both
// understand wrongly would pass.
#pragma once

#include "t/unit/unit.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace unit {

class ClientStream {
public:
    // A masked frame, its length in the shortest form. `first_byte` is FIN, RSV and opcode as on
    // the wire.
    ClientStream &frame(unsigned first_byte, std::string_view payload) {
        add(first_byte);
        if (payload.size() < 126) {
            add(0x80 | payload.size());
        } else if (payload.size() <= 0xffff) {
            add(0xfe).number(payload.size(), 2);
        } else {
            add(0xff).number(payload.size(), 8);
        }
        return masked(payload);
    }

    // The same with a length of 0 (in the second byte), 2 or 8 bytes, which need not be that of
    // anything: the key follows, and no payload.
    ClientStream &header(unsigned first_byte, std::uint64_t length, std::size_t length_size) {
        add(first_byte);
        if (length_size == 0) {
            add(0x80 | length);
        } else {
            add(length_size == 2 ? 0xfe : 0xff).number(length, length_size);
        }
        return masked({});
    }

    ClientStream &raw(std::string_view bytes) {
        check(bytes.size() <= bytes_.size() - size_);
        std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += bytes.size();
        return *this;
    }

    [[nodiscard]] Bytes bytes() const noexcept { return {bytes_.data(), size_}; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    ClientStream &add(std::uint64_t byte) {
        check(size_ < bytes_.size());
        bytes_[size_] = static_cast<std::uint8_t>(byte);
        ++size_;
        return *this;
    }

    void number(std::uint64_t number, std::size_t size) {
        for (std::size_t i = size; i > 0; --i) {
            add(number >> 8 * (i - 1));
        }
    }

    // No frame has the key of the one before it.
    ClientStream &masked(std::string_view payload) {
        std::rotate(key_.begin(), key_.begin() + 1, key_.end());
        for (const std::uint8_t byte : key_) {
            add(byte);
        }
        for (std::size_t i = 0; i < payload.size(); ++i) {
            add(static_cast<std::uint8_t>(payload[i]) ^ key_[i % 4]);
        }
        return *this;
    }

    std::array<std::uint8_t, 140'000> bytes_;
    std::size_t size_ = 0;
    std::array<std::uint8_t, 4> key_{0x37, 0xfa, 0x21, 0x3d};
};

// One way to receive a stream: the first read is of one size, and all others are of another.
struct Cut {
    std::size_t first;
    std::size_t rest;
};

// Whole, in two at every place, and byte by byte.
template <typename Receive>
void for_every_cut(std::size_t size, Receive receive) {
    receive(Cut{size, size});
    for (std::size_t first = 1; first < size; ++first) {
        receive(Cut{first, size});
    }
    receive(Cut{1, 1});
}

// Gives each part of the stream in memory of exactly its size, in which it can be changed, so that
// the address sanitizer sees what reads or writes beyond it.
template <typename Take>
void receive(Bytes stream, Cut cut, Take take) {
    std::size_t size = std::min(cut.first, stream.size());
    while (!stream.empty()) {
        auto *part = static_cast<std::uint8_t *>(std::malloc(size));
        check(part != nullptr);
        std::ranges::copy(stream.first(size), part);
        take(std::span<std::uint8_t>{part, size});
        std::free(part);
        stream = stream.subspan(size);
        size = std::min(cut.rest, stream.size());
    }
}

// What was read, as text that two readings are compared by.
class Transcript {
public:
    Transcript &add(std::string_view text) {
        check(text.size() <= text_.size() - size_);
        std::ranges::copy(text, text_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += text.size();
        return *this;
    }

    Transcript &add(Bytes bytes) { return add(unit::text(bytes)); }

    Transcript &add_number(std::uint64_t number) {
        if (number >= 10) {
            add_number(number / 10);
        }
        const char digit = static_cast<char>('0' + number % 10);
        return add(std::string_view{&digit, 1});
    }

    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

private:
    std::array<char, 140'000> text_;
    std::size_t size_ = 0;
};

}  // namespace unit
