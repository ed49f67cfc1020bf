// A CommandReader beside a plain reading of whole messages: both must hear the same of any message,
// however it is cut, and whether its size is known before or not.
#include "t/fuzz/heard.hpp"

using fuzz::Input;
using fuzz::require;
using Options = ws::CommandReader::Options;

namespace {

struct Message {
    std::string bytes;
    bool is_text;
};

// A size and a kind stand before each. Some are filled up: an input is too short for more than
// 16384 or 65536 bytes of data.
template <typename Take>
void for_each_message(Input input, Take take) {
    std::size_t long_ones = 0;
    while (!input.content().empty()) {
        const std::size_t first = input.take_byte();
        std::string bytes(fuzz::text(input.take(first % 64)));
        if (first / 64 == 3 && long_ones < 2) {
            const bool is_longest = !bytes.empty() && bytes.back() == 'l';
            bytes.resize(is_longest ? 65'542 : 16'390, 'f');
            ++long_ones;
        }
        take(Message{bytes, first / 64 == 2});
    }
}

// Streaming, each message in parts.
class Heard {
public:
    Heard(const Options &options, bool knows_sizes, Input cuts)
        : reader_(options), knows_sizes_(knows_sizes), cuts_(cuts) {}

    [[nodiscard]] std::string take(const Message &message) {
        size_ = knows_sizes_ ? message.bytes.size() : ws::CommandReader::unknown;
        fuzz::Bytes left = fuzz::bytes(message.bytes);
        std::string said;
        bool starts = true;
        bool ended = false;
        while (!left.empty() || !ended) {
            const fuzz::Block part(left.first(std::min(left.size(), 1 + 64 * cuts_.choice())));
            left = left.subspan(part.span().size());
            // The end may come with the last byte, or alone.
            ended = left.empty() && (part.span().empty() || cuts_.choice() % 2 == 0);
            said += take({.opcode = message.is_text ? ws::Opcode::text : ws::Opcode::binary,
                          .compressed = false,
                          .starts_message = starts,
                          .ends_message = ended,
                          .payload = part.span()});
            starts = false;
        }
        return said;
    }

private:
    [[nodiscard]] std::string take(ws::Piece piece) {
        std::string said;
        ws::Command command;
        ws::Heard heard;
        while ((heard = reader_.next(piece, command, size_)) != ws::Heard::nothing) {
            said += fuzz::told(reader_, heard, command);
        }
        require(piece.payload.empty());
        return said;
    }

    ws::CommandReader reader_;
    bool knows_sizes_;
    std::uint64_t size_ = ws::CommandReader::unknown;  // of the message
    Input cuts_;
};

// Message by message, straight from sections 3, 8 and 10.
class Plain {
public:
    Plain(const Options &options, bool knows_sizes)
        : options_(options), knows_sizes_(knows_sizes) {}

    [[nodiscard]] std::string take(const Message &message) {
        if (over_) {
            return {};
        }
        bytes_ = message.bytes;
        if (message.is_text) {
            return broken("command is a text message");
        }
        if (bytes_.size() < 2) {
            return broken("command has no tag");
        }
        const std::uint64_t tag = number(0, 2);
        const bool ours = options_.own_name;
        if (tag == 1 || tag == 2 || (ours && (tag == 0x4001 || tag == 0x4004))) {
            return broken("command is sent by gateways alone");
        }
        if (tag == 4 || (ours && tag == 0x4005)) {
            return data(tag == 0x4005);
        }
        if (ours && tag == 0x4003) {
            return sid();
        }
        if (ours && tag == 0x4008) {
            return longest();
        }
        if (tag == 7 || (ours && (tag == 0x4002 || tag == 0x4006))) {
            return numbered(tag);
        }
        return "[ignored]";
    }

private:
    [[nodiscard]] std::string broken(std::string_view words) {
        over_ = true;
        return "[" + std::string(words) + "]";
    }

    [[nodiscard]] std::uint64_t number(std::size_t at, std::size_t size) const {
        std::uint64_t number = 0;
        for (std::size_t i = 0; i < size; ++i) {
            number = number * 256 + static_cast<std::uint8_t>(bytes_[at + i]);
        }
        return number;
    }

    [[nodiscard]] std::string data(bool is_part) {
        constexpr std::string_view wrong = "command has a wrong length";
        if (bytes_.size() < 6) {
            return broken(wrong);
        }
        const std::uint64_t length = number(2, 4);
        const std::string body = bytes_.substr(6);
        if (length > most_) {
            return broken("DATA is longer than " + std::to_string(most_) + " bytes");
        }
        if (knows_sizes_ && length != body.size()) {
            return broken(wrong);
        }
        if (is_part && length == 0 && options_.keeps_messages) {
            return broken("PART without bytes");
        }
        std::string said = body.substr(0, length);
        if (!said.empty() && options_.keeps_messages) {
            const bool ends = !is_part && said.size() == length;
            said = (open_ ? "" : "<") + said + (ends ? ">" : "");
            open_ = !ends;
        }
        if (length != body.size()) {
            return said + broken(wrong);
        }
        return length == 0 ? "[ignored]" : said;
    }

    [[nodiscard]] std::string sid() {
        constexpr std::string_view wrong = "command has a wrong length";
        if (bytes_.size() < 6) {
            return broken(wrong);
        }
        const std::uint64_t length = number(2, 4);
        const std::string body = bytes_.substr(6);
        if (length == body.size()) {
            return "[sid " + body + "]";
        }
        const std::string begun = body.substr(0, length);
        return (knows_sizes_ || begun.empty() ? "" : "[sid " + begun) + broken(wrong);
    }

    [[nodiscard]] std::string longest() {
        if (bytes_.size() != 6) {
            return broken("command has a wrong length");
        }
        most_ = 65536;
        return "[longest " + std::to_string(number(2, 4)) + "]";
    }

    [[nodiscard]] std::string numbered(std::uint64_t tag) {
        if (bytes_.size() != 10) {
            return broken("command has a wrong length");
        }
        const std::string value = std::to_string(number(2, 8)) + "]";
        if (tag == 7) {
            return "[ack " + value;
        }
        if (tag == 0x4002) {
            return "[eof " + value;
        }
        if (!options_.keeps_messages) {
            return "[ignored]";
        }
        return open_ ? broken("EMPTY inside a message") : "[empty " + value;
    }

    Options options_;
    bool knows_sizes_;
    std::string bytes_;
    std::uint64_t most_ = 16384;
    bool open_ = false;
    bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const std::size_t ways = input.choice();
    const bool own_name = ways % 4 != 0;
    const Options options{.own_name = own_name, .keeps_messages = own_name && ways % 2 == 1};
    const bool knows_sizes = ways / 4 % 2 == 0;

    Heard heard(options, knows_sizes, input);
    Plain plain(options, knows_sizes);
    for_each_message(input, [&](const Message &message) {
        require(heard.take(message) == plain.take(message));
    });
    return 0;
}
