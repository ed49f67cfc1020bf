#include "ngx_ws_filter/ws_resume/command.hpp"

#include <algorithm>
#include <cassert>

namespace ws {
namespace {

// Big endian, behind what was put before. The caller knows that there is room.
class Writer {
public:
    explicit Writer(std::uint8_t *to) noexcept : to_(to) {}

    Writer &put(std::uint64_t number, std::size_t size) noexcept {
        for (std::size_t i = size; i > 0; --i) {
            to_[i - 1] = static_cast<std::uint8_t>(number);
            number >>= 8U;
        }
        to_ += size;
        return *this;
    }
    Writer &put(Tag tag) noexcept { return put(static_cast<std::uint16_t>(tag), tag_size); }
    Writer &put(std::uint32_t number) noexcept { return put(number, 4); }
    Writer &put(std::string_view text) noexcept {
        put(static_cast<std::uint32_t>(text.size()));
        to_ = std::copy(text.begin(), text.end(), to_);
        return *this;
    }

private:
    std::uint8_t *to_;
};

[[nodiscard]] std::size_t write_number(std::span<std::uint8_t> to, Tag tag,
                                       std::uint64_t number) noexcept {
    if (to.size() < number_command_size) {
        return 0;
    }
    Writer(to.data()).put(tag).put(number, 8);
    return number_command_size;
}

[[nodiscard]] std::size_t write_text(std::span<std::uint8_t> to, Tag tag,
                                     std::string_view text) noexcept {
    assert(!text.empty() && text.size() <= max_sid);
    const std::size_t size = data_header_size + text.size();
    if (to.size() < size) {
        return 0;
    }
    Writer(to.data()).put(tag).put(text);
    return size;
}

}  // namespace

std::size_t write_connect_success(std::span<std::uint8_t> to, std::string_view sid) noexcept {
    return write_text(to, Tag::connect_success, sid);
}

std::size_t write_reconnect_success(std::span<std::uint8_t> to, std::uint64_t taken) noexcept {
    return write_number(to, Tag::reconnect_success, taken);
}

std::size_t write_limits(std::span<std::uint8_t> to, const Limits &limits) noexcept {
    const std::size_t size = limits_size(limits);
    if (to.size() < size) {
        return 0;
    }
    const std::uint32_t flags = (limits.keeps_messages ? 1U : 0U) | (limits.is_text ? 2U : 0U);
    Writer writer(to.data());
    writer.put(Tag::limits)
        .put(limits.replay)
        .put(limits.grace)
        .put(limits.interval)
        .put(limits.service)
        .put(limits.window)
        .put(limits.bytes)
        .put(flags);
    if (limits.longest != 0) {
        writer.put(limits.longest);
    }
    return size;
}

std::size_t write_new_sid(std::span<std::uint8_t> to, std::string_view sid) noexcept {
    return write_text(to, Tag::new_sid, sid);
}

std::size_t write_ack(std::span<std::uint8_t> to, std::uint64_t position) noexcept {
    return write_number(to, Tag::ack, position);
}

std::size_t write_eof(std::span<std::uint8_t> to, std::uint64_t position) noexcept {
    return write_number(to, Tag::eof, position);
}

std::size_t write_empty(std::span<std::uint8_t> to, std::uint64_t ordinal) noexcept {
    return write_number(to, Tag::empty, ordinal);
}

std::size_t write_goaway(std::span<std::uint8_t> to, std::uint32_t millis) noexcept {
    constexpr std::size_t size = tag_size + 4;
    if (to.size() < size) {
        return 0;
    }
    Writer(to.data()).put(Tag::goaway).put(millis);
    return size;
}

std::uint8_t *write_data_before(std::uint8_t *bytes, std::size_t size, bool goes_on) noexcept {
    assert(size != 0 && size <= max_long_data);
    std::uint8_t *begin = bytes - data_header_size;
    Writer(begin).put(goes_on ? Tag::part : Tag::data).put(static_cast<std::uint32_t>(size));
    return begin;
}

}  // namespace ws
