// Session::receive() with compression: the same data and events however the bytes and the room are
// cut, and whether or not the bytes are put aside when the room is full.
#include "t/fuzz/session_events.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Event;

namespace {

constexpr std::size_t enough = 32 * 1024;  // a bomb is cut off there

class Received {
public:
    Received(bool takeover, std::uint64_t max_message_size)
        : memory_(ws::Inflater::memory_size(15)),
          compression_({.client_no_takeover = !takeover}, 0),
          session_({.max_message_size = max_message_size, .compression = &compression_}) {
        require(inflater_.begin(memory_.span(), 15));
    }

    // Reads with rooms of the given sizes; returns whether there is more to be had from the
    // session.
    template <typename RoomSize>
    bool take(fuzz::Bytes part, RoomSize room_size) {
        for (;;) {
            const fuzz::Block bytes(part);
            std::uint8_t *begin = bytes.span().data();
            ws::ReadBuffer buffer{begin, begin, begin + bytes.span().size()};
            const Event event = receive(buffer, room_size());
            if (text_.size() >= enough) {
                return false;
            }
            if (event == Event::exhausted) {
                require(buffer.unread == buffer.end);
                return true;
            }
            // What is unread moves to another place: the block of the next round.
            const auto left = static_cast<std::size_t>(buffer.end - buffer.unread);
            require(left <= part.size());
            aside_.assign(fuzz::text({buffer.unread, left}));
            rest_.swap(aside_);
            part = fuzz::bytes(rest_);
        }
    }

    [[nodiscard]] std::string text() const { return text_.substr(0, enough); }

private:
    Event receive(ws::ReadBuffer &buffer, std::size_t room_size) {
        const fuzz::Block room(room_size);
        std::uint8_t *begin = room.span().data();
        ws::Room free{begin, begin + room_size};
        const ws::ReadBuffer before = buffer;
        // Each call may get another inflater, unless this session keeps the one it has.
        if (!compression_.keeps_inflater()) {
            inflater_.reset();
        }
        compression_.lend(&inflater_);
        const Event event = session_.receive(buffer, free);
        require(free.filled >= begin && free.filled <= free.end);
        require(buffer.unread >= before.unread && buffer.unread <= buffer.end);
        require(buffer.end == before.end && buffer.packed <= buffer.unread);
        require(!over_ || (event == Event::exhausted && free.filled == begin));
        text_ += fuzz::text({begin, free.filled});
        require(event != Event::room_full || free.filled == free.end);
        text_ += fuzz::told(session_, event);
        over_ = over_ || fuzz::ends(event);
        return event;
    }

    fuzz::Block memory_;
    ws::Inflater inflater_;
    ws::Compression compression_;
    ws::Session session_;
    std::string text_;
    std::string rest_;
    std::string aside_;
    bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const bool takeover = input.choice() % 2 == 1;
    const std::uint64_t max_message_size = 8 * input.choice();

    Received at_once(takeover, max_message_size);
    static_cast<void>(at_once.take(input.content(), [] { return 2 * enough; }));

    Received in_parts(takeover, max_message_size);
    Input cuts = input;
    bool more = true;
    fuzz::in_parts(input, [&](fuzz::Bytes part) {
        more = more && in_parts.take(part, [&] { return cuts.choice() + 1; });
    });
    require(in_parts.text() == at_once.text());
    return 0;
}
