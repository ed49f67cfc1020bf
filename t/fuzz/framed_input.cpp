// Session::receive() with a framer and compression: the same bytes for the backend and the same
// events however the bytes, the room and the memory for what is held are cut.
#include "t/fuzz/framings.hpp"
#include "t/fuzz/session_events.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Event;
using ws::Session;

namespace {

constexpr std::size_t enough = 16 * 1024;  // a bomb is cut off there

class Received {
public:
    Received(const ws::FramingSettings &framing, std::uint64_t limit)
        : memory_(ws::Inflater::memory_size(15)),
          compression_({.client_no_takeover = true}, 0),
          framer_(framing),
          session_({.max_message_size = limit, .compression = &compression_, .framer = &framer_}) {
        require(inflater_.begin(memory_.span(), 15));
    }

    // Returns whether there is more to be had from the session.
    template <typename Size>
    bool take(fuzz::Bytes part, Size size) {
        std::string rest(fuzz::text(part));
        for (;;) {
            const fuzz::Block bytes(fuzz::bytes(rest));
            std::uint8_t *begin = bytes.span().data();
            ws::ReadBuffer buffer{begin, begin, begin + bytes.span().size()};
            const Event event = fill(buffer, Session::min_room + size(), size);
            if (text_.size() + framer_.held() >= enough) {
                return false;
            }
            if (event == Event::exhausted) {
                require(buffer.unread == buffer.end);
                return true;
            }
            rest = fuzz::text({buffer.unread, buffer.end});
        }
    }

    [[nodiscard]] std::string text() const { return text_.substr(0, enough); }
    [[nodiscard]] bool holds() const { return framer_.holds(); }

private:
    template <typename Size>
    Event fill(ws::ReadBuffer &buffer, std::size_t room_size, Size size) {
        const fuzz::Block space(room_size);
        ws::Room room{space.span().data(), space.span().data() + room_size};
        Event event;
        do {
            compression_.lend(&inflater_);
            const std::uint8_t *begin = room.filled;
            event = session_.receive(buffer, room);
            require(begin <= room.filled && room.filled <= room.end);
            require(!over_ || (event == Event::exhausted && begin == room.filled));
            text_ += fuzz::text({begin, room.filled});
            text_ += fuzz::told(session_, event);
            over_ = over_ || fuzz::ends(event);
            if (event == Event::memory_full) {
                lend(size() + 1);
            }
        } while (event != Event::exhausted && event != Event::room_full);
        if (!framer_.holds()) {
            framer_.hold_in({});
            held_.clear();
        }
        return event;
    }

    void lend(std::size_t more) {
        held_.resize(held_.size() + more);
        framer_.hold_in({reinterpret_cast<std::uint8_t *>(held_.data()), held_.size()});
    }

    fuzz::Block memory_;
    ws::Inflater inflater_;
    ws::Compression compression_;
    ws::Framer framer_;
    Session session_;
    std::string held_;
    std::string text_;
    bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const ws::FramingSettings framing = fuzz::choose_framing(input);
    const std::uint64_t limit = 16 * input.choice();

    Received at_once(framing, limit);
    static_cast<void>(at_once.take(input.content(), [] { return 2 * enough; }));

    Received in_parts(framing, limit);
    Input cuts = input;
    bool more = true;
    fuzz::in_parts(input, [&](fuzz::Bytes part) {
        more = more && in_parts.take(part, [&] { return cuts.choice(); });
    });
    // A message that is too long to compare may be held as a whole by one and not by the other.
    require(!more || in_parts.text() == at_once.text());
    return 0;
}
