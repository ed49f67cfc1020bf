// FrameReader, a server's or a client's: the same frames however the bytes are cut, and no step
// beyond them.
#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_frames/frame_reader.hpp"

using fuzz::Input;
using fuzz::require;

namespace {

// What was read, without the borders of pieces.
class Frames {
public:
    Frames(bool compression, std::uint64_t max_message_size, ws::Role role)
        : reader_(compression, max_message_size, role) {}

    void take(std::span<std::uint8_t> part) {
        ws::ReadBuffer buffer{part.data(), part.data(), part.data() + part.size()};
        ws::Piece piece;
        ws::ReadStatus status;
        do {
            const ws::ReadBuffer before = buffer;
            status = reader_.next(buffer, piece);
            require(before.packed <= buffer.packed && before.unread <= buffer.unread);
            require(buffer.packed <= buffer.unread && buffer.unread <= buffer.end);
            require(buffer.end == before.end);
            if (status == ws::ReadStatus::piece) {
                add(piece, before, buffer);
            }
        } while (status == ws::ReadStatus::piece);
        end(status, buffer);
    }

    [[nodiscard]] std::string read() const {
        return read_ + "#" + std::to_string(reader_.frames()) + " " +
               std::string(words(reader_.violation()));
    }

private:
    void add(const ws::Piece &piece, const ws::ReadBuffer &before, const ws::ReadBuffer &after) {
        if (is_control(piece.opcode)) {
            require(piece.payload.size() <= ws::max_control_payload);
            require(piece.payload.data() == reader_.control_payload().data());
            require(piece.starts_message && piece.ends_message && !piece.compressed);
            require(after.packed == before.packed);
            read_ += "(" + std::to_string(static_cast<int>(piece.opcode)) + " ";
            read_ += fuzz::text(piece.payload);
            read_ += ")";
            return;
        }
        require(piece.payload.data() == before.packed);
        require(piece.payload.data() + piece.payload.size() == after.packed);
        require(piece.starts_message != open_);
        if (piece.starts_message) {
            read_ += "[" + std::to_string(static_cast<int>(piece.opcode)) +
                     (piece.compressed ? "z " : " ");
        }
        read_ += fuzz::text(piece.payload);
        if (piece.ends_message) {
            read_ += "]";
        }
        open_ = !piece.ends_message;
    }

    void end(ws::ReadStatus status, ws::ReadBuffer buffer) {
        const bool broken = reader_.violation() != ws::Violation::none;
        require(broken == (status == ws::ReadStatus::violation));
        require(broken || buffer.unread == buffer.end);
        if (broken) {
            ws::Piece piece;
            require(reader_.next(buffer, piece) == ws::ReadStatus::violation);
        }
    }

    ws::FrameReader reader_;
    std::string read_;
    bool open_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const std::size_t choice = input.choice();
    const bool compression = choice % 2 == 1;
    const ws::Role role = choice / 2 % 2 == 1 ? ws::Role::client : ws::Role::server;
    const std::uint64_t max_message_size = input.choice();

    Frames at_once(compression, max_message_size, role);
    fuzz::whole(input, [&](std::span<std::uint8_t> part) { at_once.take(part); });
    Frames in_parts(compression, max_message_size, role);
    fuzz::in_parts(input, [&](std::span<std::uint8_t> part) { in_parts.take(part); });
    require(at_once.read() == in_parts.read());
    return 0;
}
