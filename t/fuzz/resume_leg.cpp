// A client's bytes on one leg of a session that can be resumed, through all that reads them: the
// same commands, and the same account, however they are cut.
#include "t/fuzz/heard.hpp"

#include "ngx_ws_filter/ws_resume/positions.hpp"
#include "ngx_ws_filter/ws_resume/sid.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Breach;
using ws::Heard;

namespace {

constexpr ws::SidSecret first{1};
constexpr ws::SidSecret second{2};
constexpr std::uint64_t sent = 1000;

class Leg {
public:
    Leg(bool own_name, bool keeps_messages, std::uint32_t window)
        : window_(own_name ? window : 0),
          commands_({.own_name = own_name, .keeps_messages = own_name && keeps_messages}),
          positions_({.window = window_, .interval = 100, .bytes = 32768, .own_name = own_name}),
          sids_(first) {
        sids_.offer(second, 0);
        positions_.sent(sent);
    }

    void take(std::span<std::uint8_t> part) {
        ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
        ws::Piece piece;
        ws::ReadStatus status;
        while ((status = frames_.next(buffer, piece)) == ws::ReadStatus::piece) {
            if (!is_control(piece.opcode)) {
                read(piece);
            }
        }
        refused_ = refused_ || status == ws::ReadStatus::violation;
    }

    [[nodiscard]] std::string text() const {
        return said_ + "#" + std::to_string(positions_.taken()) + " " +
               std::to_string(positions_.acknowledged()) + " " +
               std::to_string(static_cast<int>(sids_.match(second))) + (refused_ ? " refused" : "");
    }

private:
    void read(ws::Piece piece) {
        const std::uint64_t seen = piece.payload.size();
        const std::uint64_t size = piece.ends_message        ? seen
                                   : frames_.in_last_frame() ? seen + frames_.payload_left()
                                                             : ws::CommandReader::unknown;
        ws::Command command;
        Heard heard;
        while ((heard = commands_.next(piece, command, size)) != Heard::nothing) {
            if (breach_ == Breach::none) {
                breach_ = obey(heard, command);
                said_ += breach_ == Breach::none ? fuzz::told(commands_, heard, command)
                                                 : std::string(words(breach_));
            }
            require(positions_.taken() <= window_ || window_ == 0);
            require(positions_.acknowledged() <= sent);
        }
    }

    [[nodiscard]] Breach obey(Heard heard, const ws::Command &command) {
        bool is_new = false;
        switch (heard) {
            case Heard::data:
                return positions_.take(command.bytes.size(), command.number);
            case Heard::ack:
                return take_ack(command.number);
            case Heard::eof:
                return positions_.take_eof(command.number);
            case Heard::empty:
                return positions_.take_empty(command.number, is_new);
            case Heard::sid:
                sids_.echo(command.bytes, command.starts, command.ends, second_text_.view());
                break;
            case Heard::breach:
                return commands_.breach();
            case Heard::nothing:
            case Heard::longest:
            case Heard::ignored:
                break;
        }
        return Breach::none;
    }

    [[nodiscard]] Breach take_ack(std::uint64_t position) {
        const Breach breach = positions_.take_ack(position);
        if (breach == Breach::none) {
            sids_.acknowledged(position);
        }
        return breach;
    }

    std::uint32_t window_;
    ws::FrameReader frames_;
    ws::CommandReader commands_;
    ws::Positions positions_;
    ws::Sids sids_;
    ws::SidText second_text_{{.node = "n", .worker = 1, .session = 2, .secret = second}};
    std::string said_;
    Breach breach_ = Breach::none;
    bool refused_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const std::size_t ways = input.choice();
    const auto window = static_cast<std::uint32_t>(input.choice());

    Leg at_once(ways % 2 == 0, ways / 2 % 2 == 0, window);
    fuzz::whole(input, [&](std::span<std::uint8_t> part) { at_once.take(part); });
    Leg in_parts(ways % 2 == 0, ways / 2 % 2 == 0, window);
    fuzz::in_parts(input, [&](std::span<std::uint8_t> part) { in_parts.take(part); });
    require(at_once.text() == in_parts.text());
    return 0;
}
