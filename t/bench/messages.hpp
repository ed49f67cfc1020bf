// The wire bytes of an endless sequence of messages that carry the pattern, prepared beforehand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

// `commands`: masked, each a DATA of docs/resume-protocol.md.
enum class Framing { none, unmasked, masked, commands };

class Messages {
public:
    // `size` is that of each payload. It must divide the pattern's period, or the reverse.
    Messages(Framing framing, std::size_t size);

    [[nodiscard]] std::size_t payload_size() const { return payload_size_; }
    [[nodiscard]] std::size_t wire_size() const { return wire_size_; }

    // The bytes from `offset` of the sequence on, at most `limit` of them and longest_run.
    [[nodiscard]] std::span<const std::uint8_t> from(std::uint64_t offset,
                                                     std::uint64_t limit) const {
        const std::size_t size = std::min<std::uint64_t>(limit, longest_run);
        return std::span{bytes_}.subspan(offset % batch_size_, size);
    }

    static constexpr std::size_t longest_run = 262144;

private:
    std::size_t payload_size_;
    std::size_t wire_size_;
    std::size_t batch_size_ = 0;
    // A batch, after which the sequence repeats, and the beginning of the next.
    std::vector<std::uint8_t> bytes_;
};

}  // namespace bench
