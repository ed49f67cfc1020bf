// Session::wrap() with compression, as a client with zlib reads it: the content is a list of
// payloads.
#include "t/fuzz/fuzz.hpp"

#include <zlib.h>

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/fuzz/server_frames.hpp"
#include "t/fuzz/utf8_reference.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Session;

namespace {

// The client's side, with a window of exactly the agreed size.
class Client {
public:
    explicit Client(const ws::DeflateParameters &agreed) : agreed_(agreed) {
        require(inflateInit2(&stream_, -static_cast<int>(agreed.server_bits)) == Z_OK);
    }
    ~Client() { inflateEnd(&stream_); }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    [[nodiscard]] std::string message(const fuzz::ServerFrame &frame) {
        return frame.compressed ? inflated(frame.payload) : frame.payload;
    }

private:
    std::string inflated(std::string payload) {
        constexpr std::string_view tail("\x00\x00\xff\xff", 4);
        if (agreed_.server_no_takeover) {
            inflateReset(&stream_);
        }
        payload += tail;
        std::string message(64 * 1024, '\0');
        stream_.next_in = reinterpret_cast<Bytef *>(payload.data());
        stream_.avail_in = static_cast<uInt>(payload.size());
        stream_.next_out = reinterpret_cast<Bytef *>(message.data());
        stream_.avail_out = static_cast<uInt>(message.size());
        require(inflate(&stream_, Z_SYNC_FLUSH) == Z_OK && stream_.avail_in == 0);
        message.resize(message.size() - stream_.avail_out);
        return message;
    }

    ws::DeflateParameters agreed_;
    z_stream stream_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const ws::DeflateParameters agreed{
        .server_bits = static_cast<unsigned>(9 + input.choice() % 7),
        .server_no_takeover = input.choice() % 2 == 0,
    };
    const bool text = input.choice() % 2 == 1;
    const ws::DeflateSettings settings{.bits = agreed.server_bits, .memory_level = 1};
    const fuzz::Block memory(ws::Deflater::memory_size(settings.bits, settings.memory_level));
    ws::Deflater deflater;
    require(deflater.begin(memory.span(), settings));
    ws::Compression compression(agreed, input.choice());
    Session session(
        {.outgoing = text ? ws::Opcode::text : ws::Opcode::binary, .compression = &compression});
    Client client(agreed);

    std::string given;
    std::string received;
    bool valid = true;
    while (!input.content().empty() && valid) {
        const fuzz::Bytes part = input.take(input.take_byte() + 1);
        if (part.empty()) {
            break;
        }
        const fuzz::Block payload(Session::headroom + part.size());
        std::ranges::copy(part, payload.span().begin() + Session::headroom);
        std::size_t room_size = 0;
        while (Session::max_payload(room_size) < part.size()) {
            ++room_size;
        }
        const fuzz::Block room(room_size);
        // Another session may have used it in between.
        if (!compression.keeps_deflater() && input.choice() % 2 == 1) {
            const fuzz::Block other(ws::Deflater::max_size(part.size()));
            static_cast<void>(deflater.deflate(part, other.span()));
        }
        compression.lend(&deflater);
        const Session::Wrapped wrapped =
            session.wrap(payload.span().subspan(Session::headroom), room.span());
        given += fuzz::text(part);
        valid = wrapped.valid;
        if (wrapped.frame.empty()) {
            continue;
        }
        fuzz::Bytes stream = wrapped.frame;
        const fuzz::ServerFrame frame = fuzz::take_frame(stream);
        require(stream.empty() && frame.opcode == (text ? 1 : 2));
        const std::string message = client.message(frame);
        const fuzz::Utf8Judgement judgement = fuzz::judge_utf8(fuzz::bytes(message));
        require(!text || (judgement.valid == message.size() && judgement.pending == 0));
        received += message;
    }
    const fuzz::Utf8Judgement judgement = fuzz::judge_utf8(fuzz::bytes(given));
    require(valid || judgement.valid < given.size());
    require(received == given.substr(0, text ? judgement.valid - judgement.pending : given.size()));
    return 0;
}
