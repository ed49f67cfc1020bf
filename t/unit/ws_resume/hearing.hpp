// A client's messages, given to a CommandReader in all ways to cut them, and what it hears as text.
#pragma once

#include "t/unit/client_stream.hpp"

#include "ngx_ws_filter/ws_resume/command_reader.hpp"

namespace unit {

class Hearing {
public:
    // `knows_sizes`: of messages, before they are read.
    Hearing(const ws::CommandReader::Options &options, bool knows_sizes)
        : reader_(options), knows_sizes_(knows_sizes) {}

    // A binary message, or a part of one whose end never comes.
    void message(Bytes bytes, Cut cut, bool cut_off = false) {
        Bytes left = bytes;
        bool starts = true;
        const std::uint64_t size = knows_sizes_ ? bytes.size() : ws::CommandReader::unknown;
        receive(bytes, cut, [&](std::span<std::uint8_t> part) {
            left = left.subspan(part.size());
            take(piece(part, starts, left.empty() && knows_sizes_ && !cut_off), size);
            starts = false;
        });
        if (!cut_off && (!knows_sizes_ || bytes.empty())) {
            take(piece({}, starts, true), size);  // an empty frame ends it
        }
    }

    void text_message(std::string_view text) {
        std::array<std::uint8_t, 64> room;
        std::ranges::copy(text, room.begin());
        ws::Piece piece = this->piece(std::span{room}.first(text.size()), true, true);
        piece.opcode = ws::Opcode::text;
        take(piece, text.size());
    }

    [[nodiscard]] ws::CommandReader &reader() { return reader_; }
    [[nodiscard]] std::string_view text() const { return said_.text(); }

private:
    static ws::Piece piece(std::span<std::uint8_t> payload, bool starts, bool ends) {
        return {.opcode = ws::Opcode::binary,
                .compressed = false,
                .starts_message = starts,
                .ends_message = ends,
                .payload = payload};
    }

    void take(ws::Piece piece, std::uint64_t size) {
        ws::Command command;
        ws::Heard heard;
        while ((heard = reader_.next(piece, command, size)) != ws::Heard::nothing) {
            note(heard, command);
        }
        check(piece.payload.empty());
    }

    void note(ws::Heard heard, const ws::Command &command) {
        switch (heard) {
            case ws::Heard::data:
                check(!command.bytes.empty() && command.number >= command.bytes.size());
                said_.add(command.starts ? "<" : "").add(command.bytes);
                said_.add(command.ends ? ">" : "");
                break;
            case ws::Heard::sid:
                said_.add(command.starts ? "[sid " : "").add(command.bytes);
                said_.add(command.ends ? "]" : "");
                break;
            case ws::Heard::ack:
                said_.add("[ack ").add_number(command.number).add("]");
                break;
            case ws::Heard::eof:
                said_.add("[eof ").add_number(command.number).add("]");
                break;
            case ws::Heard::empty:
                said_.add("[empty ").add_number(command.number).add("]");
                break;
            case ws::Heard::longest:
                said_.add("[longest ").add_number(command.number).add("]");
                break;
            case ws::Heard::ignored:
                said_.add("[ignored]");
                break;
            case ws::Heard::breach:
                check(reader_.breach() != ws::Breach::none);
                said_.add("[").add(words(reader_.breach())).add("]");
                break;
            case ws::Heard::nothing:
                break;
        }
    }

    ws::CommandReader reader_;
    Transcript said_;
    bool knows_sizes_;
};

// What is heard of some messages, however each of them is cut.
template <std::size_t count>
void hears(const ws::CommandReader::Options &options, const std::string_view (&messages)[count],
           std::string_view wanted, const char *file = __builtin_FILE(),
           int line = __builtin_LINE()) {
    std::size_t longest = 0;
    for (const std::string_view message : messages) {
        longest = std::max(longest, message.size());
    }
    for (const bool knows_sizes : {true, false}) {
        for_every_cut(std::max<std::size_t>(longest, 1), [&](Cut cut) {
            Hearing hearing(options, knows_sizes);
            for (const std::string_view message : messages) {
                hearing.message(bytes(message), cut);
            }
            equal(hearing.text(), wanted, file, line);
        });
    }
}

}  // namespace unit
