#include "t/bench/messages.hpp"

#include "t/bench/commands.hpp"
#include "t/bench/frames.hpp"
#include "t/bench/pattern.hpp"
#include "t/bench/sockets.hpp"

namespace bench {

namespace {

// A key of its own for each message, so that no server gains from what it did before.
std::array<std::uint8_t, 4> key_of(std::size_t message) {
    std::array<std::uint8_t, 4> key;
    for (std::size_t i = 0; i < key.size(); ++i) {
        key[i] = static_cast<std::uint8_t>((message * 2654435761U + 0x9e3779b9U) >> (8 * i));
    }
    return key;
}

void append_message(std::vector<std::uint8_t> &to, Framing framing, std::size_t message,
                    std::size_t size) {
    const std::size_t prefix = framing == Framing::commands ? command_header_size : 0;
    FrameHeader header;
    header.length = prefix + size;
    header.masked = framing == Framing::masked || framing == Framing::commands;
    if (header.masked) {
        header.key = key_of(message);
    }
    if (framing != Framing::none) {
        std::array<std::uint8_t, max_header_size> bytes;
        const std::size_t header_size = write_header(bytes.data(), header);
        to.insert(to.end(), bytes.begin(),
                  bytes.begin() + static_cast<std::ptrdiff_t>(header_size));
    }
    const std::size_t begin = to.size();
    if (prefix != 0) {
        const auto command = data_header(size);
        to.insert(to.end(), command.begin(), command.end());
    }
    for (std::size_t done = 0; done < size;) {
        const std::size_t run = std::min(size - done, pattern_period);
        const std::uint8_t *payload = pattern_at(message * size + done);
        to.insert(to.end(), payload, payload + run);
        done += run;
    }
    if (header.masked) {
        apply_mask(std::span{to}.subspan(begin), header.key, 0);
    }
}

}  // namespace

Messages::Messages(Framing framing, std::size_t size) : payload_size_(size), wire_size_(0) {
    if (framing == Framing::commands && size > longest_data) {
        fail("a command has no room for %zu bytes", size);
    }
    if (size == 0 || (size % pattern_period != 0 && pattern_period % size != 0)) {
        fail("a message of %zu bytes does not fit the pattern", size);
    }
    const std::size_t count = std::max<std::size_t>(longest_run / size, 1);
    for (std::size_t message = 0; message < count; ++message) {
        append_message(bytes_, framing, message, size);
    }
    batch_size_ = bytes_.size();
    wire_size_ = batch_size_ / count;
    bytes_.reserve(batch_size_ + longest_run);
    for (std::size_t i = 0; i < longest_run; ++i) {
        bytes_.push_back(bytes_[i]);
    }
}

}  // namespace bench
