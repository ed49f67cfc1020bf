#include "t/sim/client_script.hpp"

#include <zlib.h>

using namespace std::string_view_literals;

namespace sim {
namespace {

constexpr unsigned fin = 0x80;
constexpr unsigned rsv1 = 0x40;

void add_number(std::string &to, std::uint64_t number, unsigned size) {
    for (unsigned i = size; i > 0; --i) {
        to += static_cast<char>(number >> 8 * (i - 1));
    }
}

// Compresses as clients do: one zlib stream, flushed at each message.
class Compressor {
public:
    explicit Compressor(bool takeover) : takeover_(takeover) {
        deflateInit2(&stream_, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    }
    ~Compressor() { deflateEnd(&stream_); }
    Compressor(const Compressor &) = delete;
    Compressor &operator=(const Compressor &) = delete;

    [[nodiscard]] std::string message(std::string text, bool final_block) {
        if (text.empty()) {
            return std::string(1, '\0');
        }
        if (!takeover_) {
            deflateReset(&stream_);
        }
        std::string compressed(text.size() + text.size() / 8 + 100, '\0');
        stream_.next_in = reinterpret_cast<Bytef *>(text.data());
        stream_.avail_in = static_cast<uInt>(text.size());
        stream_.next_out = reinterpret_cast<Bytef *>(compressed.data());
        stream_.avail_out = static_cast<uInt>(compressed.size());
        if (final_block) {
            // Section 7.2.3.4 of RFC 7692: an empty block behind it, less its last four bytes.
            deflate(&stream_, Z_FINISH);
            deflateReset(&stream_);
            compressed.resize(compressed.size() - stream_.avail_out);
            return compressed += '\0';
        }
        deflate(&stream_, Z_SYNC_FLUSH);
        compressed.resize(compressed.size() - stream_.avail_out - 4);
        return compressed;
    }

private:
    z_stream stream_{};
    bool takeover_;
};

class Writer {
public:
    Writer(Random &random, const Dialect &dialect)
        : random_(random), dialect_(dialect), compressor_(dialect.takeover) {}

    ClientScript write() {
        for (std::size_t left = random_.below(12); left > 0; --left) {
            add_message();
        }
        script_.frames_before_end = script_.frames.size();
        switch (random_.below(4)) {
            case 0:
            case 1:
                add_close();
                break;
            case 2:
                break_a_rule();
                break;
            default:
                script_.end = End::vanishes;
                if (random_.one_in(2) && !script_.frames.empty()) {
                    // In the middle of a frame, whose payload so far may arrive.
                    vanish_in_a_frame();
                }
        }
        return std::move(script_);
    }

private:
    void add(unsigned first_byte, std::string_view payload) {
        script_.frames.push_back(masked_frame(random_, first_byte, payload));
    }

    void maybe_add_control() {
        if (random_.one_in(4)) {
            std::string payload;
            if (random_.one_in(3)) {
                add(fin | 0xa, random_bytes(random_, random_.below(126)));  // nobody asked for it
                return;
            }
            add_number(payload, script_.pings.size(), 2);  // no two are the same
            payload += random_bytes(random_, random_.below(124));
            add(fin | 0x9, payload);
            script_.pings.push_back({payload, script_.data.size()});
        }
    }

    void add_message() {
        const bool is_text = random_.one_in(2);
        const std::size_t size = random_.size(30'000);
        const std::string message =
            is_text ? random_text(random_, size) : random_bytes(random_, size);
        const bool compressed = dialect_.compression && !random_.one_in(3);
        std::string wire = compressed ? compressor_.message(message, random_.one_in(5)) : message;
        unsigned first_byte = (is_text ? 1U : 2U) | (compressed ? rsv1 : 0U);
        while (random_.one_in(2)) {
            const std::string fragment = wire.substr(0, random_.size(wire.size()));
            add(first_byte, fragment);
            wire.erase(0, fragment.size());
            first_byte = 0;
            script_.data += compressed ? "" : fragment;
            maybe_add_control();
        }
        add(first_byte | fin, wire);
        script_.data += compressed ? message : wire;
        maybe_add_control();
    }

    void add_close() {
        script_.end = End::closes;
        std::string payload;
        if (!random_.one_in(4)) {
            constexpr unsigned codes[] = {1000, 1001, 1003, 1011, 1014, 3000, 4999};
            const unsigned code = random_.one_of(codes);
            script_.code = static_cast<ws::CloseCode>(code);
            add_number(payload, code, 2);
            payload += random_text(random_, random_.below(80));
        }
        add(fin | 0x8, payload);
        while (random_.one_in(3)) {
            add(fin | 0x2, "too late");
        }
    }

    void vanish_in_a_frame() {
        std::string message = random_bytes(random_, 1 + random_.below(2000));
        std::string frame = masked_frame(random_, fin | 0x2, message);
        const std::size_t header = frame.size() - message.size();
        frame.resize(random_.below(frame.size()));
        script_.frames.push_back(frame);
        if (frame.size() > header) {
            script_.data += message.substr(0, frame.size() - header);
        }
    }

    void break_a_rule() {
        script_.end = End::breaks_a_rule;
        script_.code = ws::CloseCode::protocol_error;
        const std::string long_payload(126 + random_.below(100), 'x');
        switch (random_.below(12)) {
            case 0:
                script_.frames.emplace_back("\x82\x03???");  // not masked
                break;
            case 1:
                add(fin | 0x2 | (random_.one_in(2) ? 0x20U : 0x10U), "rsv");
                break;
            case 2:
                add(fin | (random_.one_in(2) ? 0x3U : 0xbU), "opcode");
                break;
            case 3:
                add(0x9, "fragmented");
                break;
            case 4:
                add(fin | 0x9, long_payload);
                break;
            case 5:
                add(fin | 0x0, "continues nothing");
                break;
            case 6:
                add(0x2, "open");
                script_.data += "open";
                add(fin | 0x1, "inside");
                break;
            case 7:
                script_.frames.emplace_back("\x82\xfe\x00\x7d????"sv);  // 125 in the long form
                break;
            case 8:
                script_.frames.emplace_back("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01????"sv);
                break;
            case 9:
                add(fin | 0x8, random_.one_in(2) ? "\x03"sv : "\x03\xed"sv);
                break;
            case 10:
                add(fin | 0x8, "\x03\xe8\xff");
                script_.code = ws::CloseCode::invalid_payload;
                break;
            default:
                break_text();
        }
        add(fin | 0x2, "behind it nothing counts");
    }

    void break_text() {
        script_.code = ws::CloseCode::invalid_payload;
        const std::string good = random_text(random_, random_.size(3000));
        // The last byte of each can stand nowhere behind those before it.
        constexpr std::string_view wrong[] = {"\xff",     "\xc0",      "\xf5",         "\x80",
                                              "\xe0\x9f", "\xed\xa0",  "\xf0\x8f",     "\xf4\x90",
                                              "\xc3(",    "\xe8\xaa(", "\xf0\x9f\x98("};
        const std::string_view bytes = random_.one_of(wrong);
        const std::string message = good + std::string(bytes) + random_text(random_, 20);
        const std::size_t cut = random_.below(message.size());
        add(0x1, message.substr(0, cut));
        maybe_add_control();
        add(fin, message.substr(cut));
        script_.data += good;
        script_.data += bytes.substr(0, bytes.size() - 1);
    }

    Random &random_;
    Dialect dialect_;
    Compressor compressor_;
    ClientScript script_;
};

}  // namespace

ClientScript write_script(Random &random, const Dialect &dialect) {
    return Writer(random, dialect).write();
}

std::string masked_frame(Random &random, unsigned first_byte, std::string_view payload) {
    std::string frame(1, static_cast<char>(first_byte));
    if (payload.size() < 126) {
        frame += static_cast<char>(0x80 | payload.size());
    } else {
        const bool medium = payload.size() <= 0xffff;
        frame += medium ? '\xfe' : '\xff';
        add_number(frame, payload.size(), medium ? 2 : 8);
    }
    const std::string key = random_bytes(random, 4);
    frame += key;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        frame += static_cast<char>(payload[i] ^ key[i % 4]);
    }
    return frame;
}

std::string random_text(Random &random, std::size_t size) {
    constexpr std::string_view pieces[] = {
        "a", "ASCII and more of it, in a row ", "é", "語", "😀", "\n", "{\"price\": 12.50}"};
    std::string text;
    while (text.size() < size) {
        text += random.one_of(pieces);
    }
    return text;
}

std::string random_bytes(Random &random, std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
        bytes += static_cast<char>(random.below(256));
        if (random.one_in(8)) {
            bytes += std::string(std::min(size - bytes.size(), random.below(40)), bytes.back());
        }
    }
    return bytes;
}

}  // namespace sim
