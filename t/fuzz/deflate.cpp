// Deflater and Inflater together: what went in comes out, in exactly the memory that was promised.
#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_compression/deflate.hpp"

using fuzz::Input;
using fuzz::require;

namespace {

void inflate(ws::Inflater &inflater, fuzz::Bytes payload, Input &cuts, const std::string &wanted) {
    std::string text;
    fuzz::Bytes given;
    ws::InflateStatus status = ws::InflateStatus::needs_more;
    do {
        if (status == ws::InflateStatus::needs_more) {
            given = payload.first(std::min(cuts.choice() + 1, payload.size()));
            payload = payload.subspan(given.size());
        }
        const fuzz::Block room(16 * cuts.choice() + 1);
        std::span<std::uint8_t> free = room.span();
        status = inflater.inflate(given, free, payload.empty());
        text += fuzz::text(room.span().first(room.span().size() - free.size()));
        require(status != ws::InflateStatus::broken && text.size() <= wanted.size());
    } while (status == ws::InflateStatus::room_full || !payload.empty());
    require(text == wanted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const ws::DeflateSettings settings{
        .level = static_cast<unsigned>(1 + input.choice() % 9),
        .bits = static_cast<unsigned>(9 + input.choice() % 7),
        .memory_level = static_cast<unsigned>(1 + input.choice() % 9),
    };
    const fuzz::Block deflater_memory(
        ws::Deflater::memory_size(settings.bits, settings.memory_level));
    ws::Deflater deflater;
    require(deflater.begin(deflater_memory.span(), settings));
    const fuzz::Block inflater_memory(ws::Inflater::memory_size(settings.bits));
    ws::Inflater inflater;
    require(inflater.begin(inflater_memory.span(), settings.bits));

    while (!input.content().empty()) {
        const fuzz::Bytes part = input.take(input.take_byte() + 1);
        std::string message;
        for (std::size_t times = input.choice() % 64 + 1; times > 0; --times) {
            message += fuzz::text(part);
        }
        const fuzz::Block room(ws::Deflater::max_size(message.size()));
        require(ws::Deflater::max_message(room.span().size()) <= message.size() + 128);
        const std::size_t compressed = deflater.deflate(fuzz::bytes(message), room.span());
        require(compressed > 0 && compressed <= room.span().size());
        if (input.choice() % 4 == 0) {
            inflater.reset();
            // The other side must not have used what was forgotten.
            deflater.reset();
            const std::size_t again = deflater.deflate(fuzz::bytes(message), room.span());
            inflate(inflater, room.span().first(again), input, message);
            continue;
        }
        inflate(inflater, room.span().first(compressed), input, message);
    }
    require(inflater.used() <= inflater_memory.span().size());
    require(deflater.used() <= deflater_memory.span().size());
    return 0;
}
