// A session that can be resumed, between a client and a scripted backend of lines or records.
#pragma once

#include "t/unit/ws_relay/resumed.hpp"

#include "ngx_ws_filter/ws_relay/message_translator.hpp"

namespace unit {

inline constexpr ws::FramingSettings lines{.kind = ws::FramingKind::line};
inline constexpr ws::FramingSettings records{.kind = ws::FramingKind::length, .length_size = 1};

[[nodiscard]] inline ws::ResumeTerms kept_messages() {
    ws::ResumeTerms what = terms();
    what.limits.keeps_messages = true;
    return what;
}

struct MessageParts {
    explicit MessageParts(const ws::FramingSettings &framing) : settings(framing) {}

    ws::FramingSettings settings;
    ws::Framer framer{settings};
    OneLoan loan{framer};
    ws::MessageTranslator::Options options{.framer = &framer, .max_message = 100};
};

using RelayedMessages = ResumedBy<ws::MessageTranslator, ws::MessageTranslator::Options, OneLoan>;

class MessageSession : public MessageParts, public RelayedMessages {
public:
    explicit MessageSession(const ws::FramingSettings &framing,
                            const ws::ResumeTerms &what = kept_messages(),
                            std::size_t scratch = 1000)
        : MessageParts(framing),
          RelayedMessages(what, plain(), scratch, MessageParts::options, loan) {}

    // The leg ends, and the client comes back. What it gets is told but for the greeting.
    std::string cut(std::uint64_t client_has) {
        client.is_reset();
        parts();
        come_back(client_has);
        goes_on();
        const std::string got = second_gets();
        const std::size_t ack = got.find("; ack ");
        return got.substr(0, got.find(';')) + got.substr(got.find(';', ack + 2));
    }
    std::string backend_gets() { return backend.take_written(); }
    MessageSession &tells(ws::Tag tag, std::string_view message) {
        client_says(bytes_command(tag, message));
        return *this;
    }
    MessageSession &goes() {
        goes_on();
        return *this;
    }
};

}  // namespace unit
