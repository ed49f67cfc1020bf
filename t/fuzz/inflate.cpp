// Inflater on foreign bytes: the same result however they and the room are cut, and zlib's own.
#include "t/fuzz/fuzz.hpp"

#include <zlib.h>

#include "ngx_ws_filter/ws_compression/deflate.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Inflater;
using ws::InflateStatus;

namespace {

constexpr std::size_t enough = 64 * 1024;  // a bomb is cut off there

// Messages are as long as the choices say.
template <typename Take>
void for_each_message(Input input, Take take) {
    while (!input.content().empty()) {
        if (!take(input.take(4 * input.choice() + 1))) {
            return;
        }
    }
}

class Inflating {
public:
    explicit Inflating(unsigned bits) : memory_(Inflater::memory_size(bits)) {
        require(inflater_.begin(memory_.span(), bits));
        require(inflater_.used() <= memory_.span().size());
    }

    // Returns whether more messages may follow.
    template <typename Cut, typename RoomSize>
    bool take(fuzz::Bytes message, Cut cut, RoomSize room_size) {
        fuzz::Bytes given = message.first(std::min(cut(), message.size()));
        fuzz::Bytes rest = message.subspan(given.size());
        for (;;) {
            const fuzz::Block room(room_size());
            std::span<std::uint8_t> free = room.span();
            const InflateStatus status = inflater_.inflate(given, free, rest.empty());
            text_ += fuzz::text(room.span().first(room.span().size() - free.size()));
            require(status != InflateStatus::room_full || free.empty());
            if (status == InflateStatus::broken || text_.size() >= enough) {
                text_ += status == InflateStatus::broken ? "[broken]" : "";
                return false;
            }
            if (status == InflateStatus::needs_more) {
                require(given.empty());
                if (rest.empty()) {
                    return true;
                }
                given = rest.first(std::min(cut(), rest.size()));
                rest = rest.subspan(given.size());
            }
        }
    }

    // From now on it must be as if nothing had been read.
    void reset() {
        inflater_.reset();
        text_.clear();
    }

    [[nodiscard]] std::string_view text() const {
        return std::string_view(text_).substr(0, enough);
    }

private:
    fuzz::Block memory_;
    Inflater inflater_;
    std::string text_;
};

// What zlib makes of the first message, if it ends by the book: without a final block.
[[nodiscard]] bool inflates(fuzz::Bytes message, std::string &text) {
    constexpr std::string_view tail("\x00\x00\xff\xff", 4);
    std::string data(fuzz::text(message));
    data += tail;
    text.resize(2 * enough);
    z_stream stream{};
    require(inflateInit2(&stream, -15) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef *>(data.data());
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef *>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    const int result = inflate(&stream, Z_SYNC_FLUSH);
    text.resize(text.size() - stream.avail_out);
    const bool between_blocks = (stream.data_type & (128 | 63)) == 128;
    inflateEnd(&stream);
    return result == Z_OK && stream.avail_in == 0 && stream.avail_out != 0 && between_blocks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const Input input({data, size});

    Inflating at_once(15);
    bool first = true;
    for_each_message(input, [&](fuzz::Bytes message) {
        const bool good = at_once.take(
            message, [] { return enough; }, [] { return enough; });
        std::string wanted;
        if (first && inflates(message, wanted)) {
            require(at_once.text() == wanted.substr(0, enough));
        }
        first = false;
        return good;
    });

    const std::string wanted(at_once.text());
    at_once.reset();
    for_each_message(input, [&](fuzz::Bytes message) {
        return at_once.take(
            message, [] { return enough; }, [] { return enough; });
    });
    require(at_once.text() == wanted);

    // In a small window it depends on the cuts which of the bytes that are too far back are found.
    for (const unsigned bits : {15U, 9U}) {
        Input cuts = input;
        Inflating in_parts(bits);
        for_each_message(input, [&](fuzz::Bytes message) {
            return in_parts.take(
                message, [&] { return cuts.choice() + 1; }, [&] { return cuts.choice() + 1; });
        });
        require(bits < 15 || in_parts.text() == at_once.text());
    }
    return 0;
}
