// What a CommandReader hears, as text that two readings can be compared by.
#pragma once

#include "t/fuzz/fuzz.hpp"

#include "ngx_ws_filter/ws_resume/command_reader.hpp"

namespace fuzz {

[[nodiscard]] inline std::string told(const ws::CommandReader &reader, ws::Heard heard,
                                      const ws::Command &command) {
    const std::string number = std::to_string(command.number);
    const std::string bytes(text(command.bytes));
    switch (heard) {
        case ws::Heard::data:
            require(!bytes.empty() && bytes.size() <= command.number);
            return (command.starts ? "<" : "") + bytes + (command.ends ? ">" : "");
        case ws::Heard::sid:
            return (command.starts ? "[sid " : "") + bytes + (command.ends ? "]" : "");
        case ws::Heard::ack:
            return "[ack " + number + "]";
        case ws::Heard::eof:
            return "[eof " + number + "]";
        case ws::Heard::empty:
            return "[empty " + number + "]";
        case ws::Heard::longest:
            return "[longest " + number + "]";
        case ws::Heard::ignored:
            return "[ignored]";
        case ws::Heard::breach:
            require(reader.breach() != ws::Breach::none);
            return "[" + std::string(words(reader.breach())) + "]";
        case ws::Heard::nothing:
            break;
    }
    return {};
}

}  // namespace fuzz
