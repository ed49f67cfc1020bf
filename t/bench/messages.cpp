#include "t/bench/messages.hpp"

#include "t/bench/commands.hpp"
#include "t/bench/keys.hpp"
#include "t/bench/pattern.hpp"
#include "t/bench/sockets.hpp"

namespace bench {

namespace {

// `writer`: null for messages without frames.
void append_message(std::vector<std::uint8_t> &to, ws::FrameWriter *writer, Framing framing,
                    std::size_t message, std::size_t size) {
    const std::size_t prefix = framing == Framing::commands ? command_header_size : 0;
    const std::size_t begin = to.size();
    to.resize(begin + ws::max_masked_header_size + prefix + size);
    const auto payload = std::span{to}.last(prefix + size);
    if (prefix != 0) {
        std::ranges::copy(data_header(size), payload.begin());
    }
    for (std::size_t done = 0; done < size;) {
        const std::size_t run = std::min(size - done, pattern_period);
        std::copy_n(pattern_at(message * size + done), run, payload.subspan(prefix + done).begin());
        done += run;
    }
    const std::span<std::uint8_t> whole =
        writer == nullptr ? payload : writer->frame(payload, {.opcode = ws::Opcode::binary});
    std::copy(whole.begin(), whole.end(), to.begin() + static_cast<std::ptrdiff_t>(begin));
    to.resize(begin + whole.size());
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
    const bool masked = framing == Framing::masked || framing == Framing::commands;
    ManyKeys keys;
    ws::FrameWriter writer(masked ? &keys : nullptr);
    for (std::size_t message = 0; message < count; ++message) {
        append_message(bytes_, framing == Framing::none ? nullptr : &writer, framing, message,
                       size);
    }
    batch_size_ = bytes_.size();
    wire_size_ = batch_size_ / count;
    bytes_.reserve(batch_size_ + longest_run);
    for (std::size_t i = 0; i < longest_run; ++i) {
        bytes_.push_back(bytes_[i]);
    }
}

}  // namespace bench
