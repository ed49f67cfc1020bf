#include "t/hostile/talk.hpp"

#include "t/hostile/zlib_streams.hpp"

using namespace std::string_literals;

namespace hostile {

namespace {

using sim::Random;

constexpr unsigned fin = 0x80;
constexpr unsigned rsv1 = 0x40;
constexpr unsigned text = 1;
constexpr unsigned binary = 2;
constexpr unsigned close = 8;
constexpr unsigned ping = 9;

void add_number(std::string &to, std::uint64_t number, unsigned size) {
    for (unsigned i = size; i > 0; --i) {
        to += static_cast<char>(number >> 8 * (i - 1));
    }
}

struct Header {
    unsigned first;
    std::uint64_t length;
    unsigned extended;  // bytes of the length behind the first two
    bool masked = true;
};

[[nodiscard]] unsigned fitting(std::uint64_t length) {
    return length < 126 ? 0 : (length < 65536 ? 2 : 8);
}

[[nodiscard]] std::string frame_with(Random &random, const Header &header, std::string payload) {
    std::string frame(1, static_cast<char>(header.first));
    const unsigned second = header.extended == 0 ? static_cast<unsigned>(header.length)
                                                 : (header.extended == 2 ? 126 : 127);
    frame += static_cast<char>(second | (header.masked ? 0x80U : 0U));
    add_number(frame, header.length, header.extended);
    if (header.masked) {
        char key[4];
        for (char &byte : key) {
            byte = static_cast<char>(random.below(256));
        }
        frame.append(key, sizeof(key));
        for (std::size_t i = 0; i < payload.size(); ++i) {
            payload[i] = static_cast<char>(payload[i] ^ key[i % sizeof(key)]);
        }
    }
    return frame + payload;
}

[[nodiscard]] std::string frame(Random &random, unsigned first, const std::string &payload) {
    return frame_with(random, {first, payload.size(), fitting(payload.size())}, payload);
}

[[nodiscard]] std::string random_bytes(Random &random, std::size_t size) {
    std::string bytes(size, '\0');
    // Mostly quick to make: nothing reads more into it.
    const bool plain = random.one_in(2);
    const auto fill = static_cast<char>(random.below(256));
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = plain && size > 64 ? static_cast<char>(fill + static_cast<char>(i * 7))
                                      : static_cast<char>(random.below(256));
    }
    return bytes;
}

[[nodiscard]] std::string random_text(Random &random, std::size_t size) {
    static constexpr std::string_view points[] = {"a",      "{",      " ",          "0",
                                                  "\t",     "\x7f",   "\u00e4",     "\u20ac",
                                                  "\ud7ff", "\ufffd", "\U0001f600", "\U0010ffff"};
    std::string all;
    while (all.size() < size) {
        all += random.one_of(points);
    }
    return all;
}

[[nodiscard]] std::size_t size_for(Random &random, const Place &place) {
    static constexpr std::size_t edges[] = {0, 1, 2, 3, 125, 126, 127, 128, 1000, 4096, 16384};
    static constexpr std::size_t large[] = {65530, 65535, 65536, 65537, 100'000, 200'000};
    if (place.max_message == 1000 || place.framing == Framing::line) {
        return random.one_in(3) ? edges[random.below(8)] : random.below(990);
    }
    if (random.one_in(24) && place.is_stream()) {
        return random.one_of(large);
    }
    return random.one_in(3) ? random.one_of(edges) : random.size(20'000);
}

class Talk {
public:
    Talk(Random &random, const TalkOptions &options)
        : random_(random),
          place_(*options.place),
          compressed_(options.compressed),
          compressor_(static_cast<int>(9 + random.below(7))) {}

    void add_message() {
        if (place_.service == Service::resumed && !random_.one_in(10)) {
            add_fragments(random_.one_in(40) ? text : binary, command());
            return;
        }
        const std::size_t size = size_for(random_, place_);
        const bool as_text = place_.text || random_.one_in(2);
        add_fragments(as_text ? text : binary, content(as_text, size));
    }

    void add_control() {
        out_ += frame(random_, fin | (random_.one_in(4) ? 10U : ping),
                      random_bytes(random_, random_.one_in(4) ? 125 : random_.below(20)));
    }

    // More in one go than all windows and buffers up to the echo's own take, with pings among it:
    // the pongs of both sides stand behind data that moves only if both go on.
    void add_upload() {
        for (std::size_t left = 16 + random_.below(32); left > 0; --left) {
            out_ += frame(random_, fin | binary, random_bytes(random_, 65536));
            add_control();
        }
    }

    // Whose answers are more than a window.
    void add_pings() {
        for (std::size_t left = 150 + random_.below(300); left > 0; --left) {
            out_ += frame(random_, fin | ping, std::string(125, static_cast<char>(left)));
        }
    }

    void break_header();
    void break_control();
    void break_payload();
    void flood();

    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    // A line holds no line end, and what comes back as text is that.
    [[nodiscard]] std::string content(bool as_text, std::size_t size) {
        std::string made = as_text ? random_text(random_, size) : random_bytes(random_, size);
        if (place_.framing == Framing::line) {
            made = random_text(random_, size / 2);
        }
        return made;
    }

    // DATA mostly, so that others have something to speak of.
    [[nodiscard]] std::string command() {
        static constexpr unsigned numbers[] = {0x0002, 0x0007, 0x0007, 0x4002, 0x4006};
        static constexpr unsigned texts[] = {0x0001, 0x4003, 0x4005, 0x000a, 0x7fff};
        std::string made;
        if (random_.one_in(3)) {
            add_number(made, random_.one_of(numbers), 2);
            add_number(made, random_.one_in(2) ? random_.below(3) : UINT64_MAX >> random_.below(64),
                       8);
            return made;
        }
        const std::string body =
            random_bytes(random_, random_.size(random_.one_in(20) ? 20000 : 9000));
        add_number(made, random_.one_in(5) ? random_.one_of(texts) : 0x0004U, 2);
        add_number(made, random_.one_in(20) ? random_.below(20000) : body.size(), 4);
        return made + body;
    }

    void add_fragments(unsigned opcode, const std::string &content) {
        const bool compress = compressed_ && !random_.one_in(4);
        const std::string wire = compress ? compressor_.message(content) : content;
        const std::size_t count = random_.one_in(3) ? 1 + random_.below(5) : 1;
        std::string_view rest = wire;
        for (std::size_t left = count; left > 0; --left) {
            const std::size_t size = left == 1 ? rest.size() : random_.below(rest.size() + 1);
            const unsigned first =
                (left == count ? opcode | (compress ? rsv1 : 0U) : 0U) | (left == 1 ? fin : 0U);
            out_ += frame(random_, first, std::string(rest.substr(0, size)));
            rest.remove_prefix(size);
            if (left > 1 && random_.one_in(3)) {
                add_control();
            }
        }
    }

    Random &random_;
    const Place &place_;
    bool compressed_;
    Compressor compressor_;
    std::string out_;
};

void Talk::break_header() {
    const std::string payload = random_bytes(random_, random_.size(300));
    const unsigned opcode = fin | (random_.one_in(2) ? text : binary);
    switch (random_.below(8)) {
        case 0:
            out_ += frame_with(random_, {opcode, payload.size(), fitting(payload.size()), false},
                               payload);
            break;
        case 1:
            out_ += frame(random_, opcode | 0x10U << random_.below(3), payload);
            break;
        case 2:
            out_ += frame(random_, fin | (3 + static_cast<unsigned>(random_.below(5))), payload);
            break;
        case 3:
            out_ += frame(random_, fin | (11 + static_cast<unsigned>(random_.below(5))), payload);
            break;
        case 4:
            out_ += frame_with(random_, {opcode, payload.size(), 8}, payload);
            break;
        case 5:
            out_ += frame_with(random_, {opcode, payload.size() % 126, 2}, payload);
            break;
        case 6:
            out_ += frame_with(random_, {opcode, UINT64_MAX >> random_.below(64), 8}, payload);
            break;
        default:
            out_ += frame(random_, random_.one_in(2) ? fin : 0U, payload);
    }
}

void Talk::break_control() {
    switch (random_.below(7)) {
        case 0:
            out_ += frame(random_, ping, "not whole");
            break;
        case 1:
            out_ += frame(random_, fin | ping, random_bytes(random_, 126 + random_.below(500)));
            break;
        case 2:
            out_ += frame(random_, fin | close, "\x03");
            break;
        case 3: {
            std::string code;
            add_number(code, random_.below(65536), 2);
            out_ += frame(random_, fin | close, code + "why");
            break;
        }
        case 4:
            out_ += frame(random_, fin | close, "\x03\xe8\xff\xc0 no text"s);
            break;
        case 5:
            out_ += close_frame(random_);
            add_message();
            break;
        default:
            out_ += frame(random_, text, "begun, ");
            out_ += frame(random_, fin | text, "and again");
    }
}

void Talk::break_payload() {
    switch (random_.below(5)) {
        case 0: {
            std::string bad = random_text(random_, 1 + random_.size(3000));
            bad[random_.below(bad.size())] = '\xff';
            add_fragments(text, bad);
            break;
        }
        case 1:
            add_fragments(text, random_text(random_, random_.size(100)) + "\xf0\x9f");
            break;
        case 2:
            out_ += frame(random_, fin | rsv1 | text, random_bytes(random_, random_.size(3000)));
            break;
        case 3:
            add_fragments(binary, std::string(300'000 + random_.below(600'000), 'b'));
            break;
        default:
            add_fragments(text, "a line\nand one more\r\n" + std::string(random_.size(5000), 'l'));
    }
}

void Talk::flood() {
    const std::size_t count = 100 + random_.below(400);
    const std::size_t kind = random_.below(3);
    for (std::size_t i = 0; i < count; ++i) {
        if (kind == 0) {
            out_ += frame(random_, fin | ping, std::string(125, static_cast<char>(i)));
        } else if (kind == 1) {
            out_ += frame(random_, i == 0 ? text : 0U, "");
        } else {
            out_ += frame(random_, fin | binary, "b");
        }
    }
}

}  // namespace

std::string right_frames(Random &random, const TalkOptions &options) {
    Talk talk(random, options);
    for (std::size_t left = random.below(6); left > 0; --left) {
        talk.add_message();
        if (random.one_in(4)) {
            talk.add_control();
        }
    }
    if (options.place->pongs && random.one_in(4)) {
        talk.add_pings();
    }
    if (options.place->pongs && random.one_in(8)) {
        talk.add_upload();
    }
    return talk.take();
}

std::string wrong_frames(Random &random, const TalkOptions &options) {
    Talk talk(random, options);
    switch (random.below(8)) {
        case 0:
            talk.flood();
            break;
        case 1:
        case 2:
            talk.break_payload();
            break;
        case 3:
        case 4:
            talk.break_control();
            break;
        default:
            talk.break_header();
    }
    return talk.take();
}

std::string close_frame(Random &random) {
    static constexpr unsigned codes[] = {1000, 1001, 1003, 1011, 3000, 4000, 4999};
    std::string payload;
    if (!random.one_in(4)) {
        add_number(payload, random.one_of(codes), 2);
        payload += random_text(random, random.below(100));
    }
    return frame(random, fin | close, payload);
}

}  // namespace hostile
