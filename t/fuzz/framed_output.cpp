// Session::wrap_messages(), as a client reads it: the content is what a backend says. It must be
// the messages that a plain reading of the framing finds in it, however it is cut.
#include "t/fuzz/framings.hpp"

#include "ngx_ws_filter/ws_messages/session.hpp"
#include "t/fuzz/server_frames.hpp"
#include "t/fuzz/utf8_reference.hpp"

using fuzz::Input;
using fuzz::require;
using ws::FramingSettings;
using ws::Session;

namespace {

// What a client has of the messages, each with its opcode in front. The last may not be finished.
struct Messages {
    std::string text;
    bool open = false;

    void begin(unsigned opcode) {
        text += "\x01 " + std::to_string(opcode) + " ";
        open = true;
    }
    void end() {
        text += "\x02";
        open = false;
    }
};

// The client's side. Its window is not limited.
class Client {
public:
    Client() : memory_(ws::Inflater::memory_size(15)) {
        require(inflater_.begin(memory_.span(), 15));
    }

    void take(fuzz::Bytes stream) {
        while (!stream.empty()) {
            const fuzz::ServerFrame frame = fuzz::take_fragment(stream);
            require((frame.opcode == 0) == messages.open && frame.opcode < 8);
            if (frame.opcode != 0) {
                messages.begin(frame.opcode);
                compressed_ = frame.compressed;
            }
            messages.text += compressed_ ? inflated(frame) : frame.payload;
            if (frame.fin) {
                messages.end();
            }
        }
    }

    Messages messages;

private:
    std::string inflated(const fuzz::ServerFrame &frame) {
        std::string text(64 * 1024, '\0');
        std::span<std::uint8_t> room{reinterpret_cast<std::uint8_t *>(text.data()), text.size()};
        fuzz::Bytes from = fuzz::bytes(frame.payload);
        require(inflater_.inflate(from, room, frame.fin) == ws::InflateStatus::needs_more);
        text.resize(text.size() - room.size());
        return text;
    }

    fuzz::Block memory_;
    ws::Inflater inflater_;
    bool compressed_ = false;
};

// A plain reading of the whole stream. False: the backend breaks a rule there.
class Reference {
public:
    Reference(const FramingSettings &framing, bool text, bool repairs)
        : framing_(framing), text_(text), repairs_(repairs) {}

    bool read(std::string_view stream) {
        return framing_.has_records()                        ? read_records(stream)
               : framing_.kind == ws::FramingKind::delimiter ? read_delimited(stream)
                                                             : read_lines(stream);
    }

    Messages messages;

private:
    bool message(std::string_view payload, bool ends, unsigned opcode) {
        if (opcode == 1 && repairs_) {
            if (!payload.empty() || ends) {
                messages.begin(opcode);
                messages.text += fuzz::repair_utf8(payload, ends);
            }
            if (ends) {
                messages.end();
            }
            return true;
        }
        const fuzz::Utf8Judgement judgement = fuzz::judge_utf8(fuzz::bytes(payload));
        const bool good =
            opcode != 1 || (judgement.valid == payload.size() && (!ends || judgement.pending == 0));
        const std::string_view shown = opcode == 1 ? payload.substr(0, judgement.valid) : payload;
        if (!shown.empty() || (ends && good)) {
            messages.begin(opcode);
            messages.text += shown;
        }
        if (ends && good) {
            messages.end();
        }
        return good;
    }

    bool read_lines(std::string_view stream) {
        while (!stream.empty()) {
            const std::size_t end = stream.find('\n');
            std::string_view line = stream.substr(0, end);
            stream = end == std::string_view::npos ? "" : stream.substr(end + 1);
            if (framing_.crlf && end != std::string_view::npos && line.ends_with('\r')) {
                line.remove_suffix(1);
            }
            const bool fits = framing_.max == 0 || line.size() <= framing_.max;
            if (!message(fits ? line : line.substr(0, framing_.max), fits, text_ ? 1 : 2) ||
                !fits) {
                return false;
            }
        }
        return true;
    }

    bool read_delimited(std::string_view stream) {
        const std::string_view delimiter = fuzz::text(framing_.delimiter.bytes());
        while (!stream.empty()) {
            const std::size_t end = stream.find(delimiter);
            const bool ends = end != std::string_view::npos;
            const std::string_view payload = stream.substr(0, end);
            stream = ends ? stream.substr(end + delimiter.size()) : "";
            const bool fits = framing_.max == 0 || payload.size() <= framing_.max;
            const bool whole = fits && (ends || payload.find_first_not_of("\r\n") == payload.npos);
            const std::string_view shown = fits ? payload : payload.substr(0, framing_.max);
            if (!message(shown, whole, text_ ? 1 : 2) || !whole) {
                return false;
            }
        }
        return true;
    }

    // False if there is no whole length, or none that may be.
    bool take_length(std::string_view &stream, std::uint64_t &length) const {
        length = 0;
        if (framing_.varint) {
            for (std::uint64_t place = 1; place < std::uint64_t{1} << 35U; place <<= 7U) {
                if (stream.empty()) {
                    return false;
                }
                const auto byte = static_cast<std::uint8_t>(stream.front());
                stream.remove_prefix(1);
                length += place * (byte % 128);
                if (byte < 128) {
                    return length <= framing_.max_record();
                }
            }
            return false;
        }
        const std::size_t size = framing_.length_size;
        if (stream.size() < size) {
            return false;
        }
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t at = framing_.little_endian ? size - 1 - i : i;
            length = length << 8U | static_cast<std::uint8_t>(stream[at]);
        }
        stream.remove_prefix(size);
        if (framing_.counts_itself && length < size) {
            return false;
        }
        length -= framing_.counts_itself ? size : 0;
        return length <= framing_.max_record();
    }

    bool read_records(std::string_view stream) {
        while (!stream.empty()) {
            std::uint64_t length = 0;
            if (!take_length(stream, length)) {
                return false;
            }
            unsigned opcode = text_ ? 1 : 2;
            if (framing_.kind == ws::FramingKind::typed) {
                if (stream.empty() || (stream[0] != 1 && stream[0] != 2)) {
                    return false;
                }
                opcode = static_cast<unsigned>(stream[0]);
                stream.remove_prefix(1);
            }
            const bool whole = length <= stream.size();
            if (!message(stream.substr(0, length), whole, opcode) || !whole) {
                return false;
            }
            stream.remove_prefix(length);
        }
        return true;
    }

    const FramingSettings &framing_;
    bool text_;
    bool repairs_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const FramingSettings framing = fuzz::choose_framing(input);
    const std::size_t ways = input.choice();
    const bool text = ways % 2 == 1;
    const bool repairs = input.choice() % 2 == 1;
    const ws::DeflateSettings settings{.bits = 9, .memory_level = 1};
    const fuzz::Block memory(ws::Deflater::memory_size(settings.bits, settings.memory_level));
    ws::Deflater deflater;
    require(deflater.begin(memory.span(), settings));
    ws::Compression compression({.server_no_takeover = ways / 2 % 2 == 1}, ways / 4 % 8);
    ws::Framer framer(framing);
    Session session({.outgoing = text ? ws::Opcode::text : ws::Opcode::binary,
                     .compression = ways >= 128 ? &compression : nullptr,
                     .framer = &framer,
                     .repairs_text = repairs});

    Reference reference(framing, text, repairs);
    const bool fine = reference.read(fuzz::text(input.content()));

    Client client;
    ws::BackendFault fault = ws::BackendFault::none;
    const auto give = [&](const Session::Framed &framed) {
        require(fault == ws::BackendFault::none || framed.frames.empty());
        fault = framed.fault;
        client.take(framed.frames);
    };
    fuzz::in_parts(input, [&](fuzz::Bytes part) {
        // Now and then there is no memory for one.
        compression.lend(compression.keeps_deflater() || input.choice() % 4 != 0 ? &deflater
                                                                                 : nullptr);
        const fuzz::Block room((repairs ? 8 : 2) * part.size() + Session::min_framed_room);
        require(Session::max_framed(room.span().size(), repairs) == part.size());
        give(session.wrap_messages(part, room.span()));
    });
    const fuzz::Block room(Session::min_framed_room);
    give(session.wrap_end(room.span()));

    require(fine == (fault == ws::BackendFault::none));
    require(client.messages.text == reference.messages.text);
    require(client.messages.open == reference.messages.open);
    return 0;
}
