// A relay whose session outlives its legs, between a client that speaks the resume protocol and a
// scripted backend.
#pragma once

#include "t/unit/ws_relay/joined.hpp"

#include <array>

#include "t/unit/ws_resume/replay_lender.hpp"

namespace unit {

// A command with a number of eight bytes, and one with bytes.
[[nodiscard]] inline std::string number_command(ws::Tag tag, std::uint64_t value) {
    std::string text(10, '\0');
    text[1] = static_cast<char>(tag);
    text[0] = static_cast<char>(static_cast<unsigned>(tag) >> 8U);
    for (std::size_t i = 0; i < 8; ++i) {
        text[9 - i] = static_cast<char>(value >> 8U * i);
    }
    return text;
}
[[nodiscard]] inline std::string bytes_command(ws::Tag tag, std::string_view bytes) {
    std::string text(6, '\0');
    text[1] = static_cast<char>(tag);
    text[0] = static_cast<char>(static_cast<unsigned>(tag) >> 8U);
    text[3] = static_cast<char>(bytes.size() >> 16U);
    text[4] = static_cast<char>(bytes.size() >> 8U);
    text[5] = static_cast<char>(bytes.size());
    return text + std::string(bytes);
}

// What the gateway says, as text: "connect a1; limits 60000; data yo; ack 2; ".
[[nodiscard]] inline std::string commands_as_text(std::string_view frames) {
    std::string text;
    while (!frames.empty()) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(frames[i]); };
        const std::size_t header = byte(1) < 126 ? 2 : byte(1) == 126 ? 4 : 10;
        std::size_t size = header == 2 ? byte(1) : 0;
        for (std::size_t i = 2; i < header; ++i) {
            size = size << 8U | byte(i);
        }
        const std::string_view frame = frames.substr(0, header + size);
        const std::string_view body = frame.size() > header + 2 ? frame.substr(header + 2) : "";
        const auto number = [&body](std::size_t at) {
            std::uint64_t value = 0;
            for (const char each : body.substr(at)) {
                value = value << 8U | static_cast<unsigned char>(each);
            }
            return std::to_string(value);
        };
        if (byte(0) != data) {
            text += as_text(frame);
            frames.remove_prefix(frame.size());
            continue;
        }
        switch (static_cast<ws::Tag>(byte(header) << 8U | byte(header + 1))) {
            case ws::Tag::connect_success:
                text += "connect " + std::string(body.substr(4));
                break;
            case ws::Tag::reconnect_success:
                text += "reconnect " + number(0);
                break;
            case ws::Tag::data:
                text += "data " + std::string(body.substr(4));
                break;
            case ws::Tag::ack:
                text += "ack " + number(0);
                break;
            case ws::Tag::limits:
                text += body.substr(4, 4) == std::string_view("\0\0\0\0", 4) ? "limits, not kept"
                                                                             : "limits";
                text += body.size() > 28 ? ", longest " + number(28) : "";
                break;
            case ws::Tag::eof:
                text += "eof " + number(0);
                break;
            case ws::Tag::new_sid:
                text += "sid " + std::string(body.substr(4));
                break;
            case ws::Tag::goaway:
                text += "goaway " + number(0);
                break;
            case ws::Tag::part:
                text += "part " + std::string(body.substr(4));
                break;
            case ws::Tag::empty:
                text += "empty " + number(0);
                break;
            case ws::Tag::longest:
                text += "longest of a client";
                break;
        }
        text += "; ";
        frames.remove_prefix(frame.size());
    }
    return text;
}

[[nodiscard]] inline ws::ResumeTerms terms(bool own_name = true) {
    return {.limits = {.replay = 8192,
                       .grace = 60'000,
                       .interval = 100,
                       .service = {},
                       .window = 1000,
                       .bytes = 500,
                       .keeps_messages = false,
                       .is_text = false},
            .own_name = own_name};
}

// `More` is what this translator needs beside.
template <typename Translator, typename... More>
class ResumedBy {
public:
    explicit ResumedBy(const ws::ResumeTerms &what = terms(),
                       const ws::RelayOptions &options = plain(), std::size_t scratch = 1000,
                       More &...more)
        : host(scratch),
          keeper(scratch),
          translator(session, what, sids, lender, more...),
          options_(options) {
        relay.emplace(options_, session, translator, client, backend, host);
        relay->outlive_legs(translator, keeper,
                            {.grace = what.limits.grace,
                             .are_resumable = true,
                             .keeps_going_away = false,
                             .keeps_come_back = what.own_name});
        translator.greet({.sid = "a1", .next_sid = {}});
    }
    ~ResumedBy() {
        relay->release(now);
        equal(host.lent + keeper.lent, 0);
    }
    ResumedBy(const ResumedBy &) = delete;
    ResumedBy &operator=(const ResumedBy &) = delete;

    ReplayLender lender{512};
    ScriptedHost host;
    ScriptedHost keeper;
    ScriptedEndpoint client{host};
    ScriptedEndpoint second{host};  // the next leg's
    ScriptedEndpoint backend{host};
    ws::Session session{{}};
    ws::Session second_session{{}};
    ws::Sids sids{ws::SidSecret{}};
    Translator translator;
    std::optional<ws::Relay> relay;
    ws::Millis now = 1'000'000;

    ws::Relay::Turn turn_after(ws::Millis time) {
        now += time;
        return relay->advance(now);
    }
    void goes_on(ws::Millis time = 0, const char *file = __builtin_FILE(),
                 int line = __builtin_LINE()) {
        equal(turn_after(time), ws::Relay::Turn::goes_on, file, line);
    }
    void parts(const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        equal(turn_after(0), ws::Relay::Turn::parted, file, line);
        relay->leave_session();
    }

    ScriptedEndpoint &client_says(std::string_view command, unsigned first_byte = data) {
        return says(client, command, first_byte);
    }
    ScriptedEndpoint &says(ScriptedEndpoint &leg, std::string_view command,
                           unsigned first_byte = data) {
        stream_ = {};
        return leg.says(stream_.frame(first_byte, command).bytes());
    }
    std::string client_gets() { return commands_as_text(client.take_written()); }
    std::string second_gets() { return commands_as_text(second.take_written()); }

    void come_back(std::uint64_t client_has) {
        sids.accept(ws::SidMatch::current);
        sids.offer(ws::SidSecret{1}, client_has);
        relay->attach({.session = &second_session,
                       .client = &second,
                       .host = &host,
                       .greeting = {.sid = {}, .next_sid = "b2"},
                       .client_has = client_has});
    }
    void is_in(ws::Phase phase, const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        equal(name(relay->tunnel().phase()), name(phase), file, line);
    }

private:
    ws::RelayOptions options_;
    ClientStream stream_;
};

using Resumed = ResumedBy<ws::ResumeTranslator>;

}  // namespace unit
