// Session::receive(): the same data and events however the bytes are cut.
#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_messages/session.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Event;

namespace {

class Received {
public:
    explicit Received(std::uint64_t max_message_size)
        : session_({.max_message_size = max_message_size}) {}

    void take(std::span<std::uint8_t> part) {
        ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
        Event event;
        do {
            const ws::ReadBuffer before = buffer;
            event = session_.receive(buffer);
            require(before.packed <= buffer.packed && buffer.packed <= buffer.unread);
            require(before.unread <= buffer.unread && buffer.unread <= buffer.end);
            require(!over_ || (event == Event::exhausted && buffer.packed == before.packed));
            text_ += fuzz::text({before.packed, buffer.packed});
            add(event);
        } while (event != Event::exhausted);
        require(buffer.unread == buffer.end);
    }

    [[nodiscard]] std::string text() const {
        return text_ + "#" + std::to_string(session_.frames_in());
    }

private:
    void add(Event event) {
        require(session_.control_payload().size() <= ws::max_control_payload);
        switch (event) {
            case Event::exhausted:
            case Event::piece:
            case Event::eof:
            case Event::fault:
                return;
            case Event::ping:
            case Event::pong:
                text_ += event == Event::ping ? "[ping " : "[pong ";
                text_ += fuzz::text(session_.control_payload());
                break;
            case Event::close:
                text_ += "[close " + std::to_string(static_cast<int>(session_.peer_status().code));
                text_ += session_.peer_status().reason;
                over_ = true;
                break;
            case Event::violation:
                require(session_.violation() != ws::Violation::none);
                text_ += "[" + std::string(words(session_.violation()));
                over_ = true;
                break;
            case Event::room_full:
            case Event::memory_full:
                require(false);
        }
        text_ += "]";
    }

    ws::Session session_;
    std::string text_;
    bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const std::uint64_t max_message_size = input.choice();

    Received at_once(max_message_size);
    fuzz::whole(input, [&](std::span<std::uint8_t> part) { at_once.take(part); });
    Received in_parts(max_message_size);
    fuzz::in_parts(input, [&](std::span<std::uint8_t> part) { in_parts.take(part); });
    require(at_once.text() == in_parts.text());
    return 0;
}
