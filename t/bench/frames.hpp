// WebSocket frames as the benchmark's two ends need them: RFC 6455, section 5.2.
// Written apart from the gateway's own, which is what is measured.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace bench {

constexpr std::uint8_t opcode_binary = 2;
constexpr std::uint8_t opcode_close = 8;
constexpr std::size_t max_header_size = 14;

struct FrameHeader {
    std::uint8_t opcode = opcode_binary;
    bool masked = false;
    std::array<std::uint8_t, 4> key = {};
    std::uint64_t length = 0;

    [[nodiscard]] bool control() const { return opcode >= opcode_close; }
};

// Returns the header's size, at most max_header_size.
std::size_t write_header(std::uint8_t *to, const FrameHeader &header);

// Returns the header's size, or 0 if there are too few bytes.
[[nodiscard]] std::size_t read_header(std::span<const std::uint8_t> from, FrameHeader &header);

// `offset` is the place of the first byte in its payload.
void apply_mask(std::span<std::uint8_t> bytes, const std::array<std::uint8_t, 4> &key,
                std::uint64_t offset);

// Takes a stream of frames apart, however it is cut.
class FrameStream {
public:
    // Calls on_frame(header) for each frame that begins and on_payload(bytes) for each run of
    // unmasked payload that belongs to a data frame.
    template <typename OnFrame, typename OnPayload>
    void take(std::span<std::uint8_t> bytes, OnFrame on_frame, OnPayload on_payload) {
        while (!bytes.empty()) {
            if (left_ == 0) {
                bytes = bytes.subspan(gather_header(bytes));
                if (gathered_ != 0) {
                    continue;
                }
                left_ = header_.length;
                on_frame(std::as_const(header_));
                continue;
            }
            const std::size_t size = std::min<std::uint64_t>(left_, bytes.size());
            const std::span<std::uint8_t> payload = bytes.first(size);
            if (header_.masked) {
                apply_mask(payload, header_.key, header_.length - left_);
            }
            left_ -= size;
            bytes = bytes.subspan(size);
            if (!header_.control()) {
                on_payload(payload);
            }
        }
    }

private:
    // Returns how many bytes were used; none are gathered any more once a header is whole.
    std::size_t gather_header(std::span<const std::uint8_t> bytes);

    FrameHeader header_;
    std::uint64_t left_ = 0;  // of the payload
    std::array<std::uint8_t, max_header_size> partial_ = {};
    std::size_t gathered_ = 0;
};

}  // namespace bench
