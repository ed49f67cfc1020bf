#include "ngx_ws_filter/ws_relay/handed_session.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

namespace ws {
namespace {

constexpr std::size_t texts = 6;

// It travels as it lies in memory: both processes are of one machine and one version.
struct Fixed {
    std::uint32_t version;
    std::uint32_t size;  // of this
    std::uint64_t home;
    std::uint64_t number;
    SidSecret current;
    SidSecret next;
    KeptRelay relay;
    HandedCounts counts;
    Millis age;
    Millis detached;
    std::uint64_t key[2];
    std::uint32_t replay_limit;
    std::uint32_t grace;
    std::uint32_t interval;
    std::uint32_t window;
    std::uint32_t bytes;
    ResumeName name;
    bool keeps_messages;
    bool is_text;
    std::uint32_t text_sizes[texts];
    std::uint64_t held;
    std::uint64_t replay;
};
static_assert(std::is_trivially_copyable_v<Fixed>);

[[nodiscard]] std::array<std::string_view, texts> texts_of(const HandedSession &session) noexcept {
    return {session.server,  session.location, session.bound,
            session.backend, session.client,   session.limits.service};
}

[[nodiscard]] Limits limits_of(const Fixed &fixed) noexcept {
    return {.replay = fixed.replay_limit,
            .grace = fixed.grace,
            .interval = fixed.interval,
            .service = {},
            .window = fixed.window,
            .bytes = fixed.bytes,
            .keeps_messages = fixed.keeps_messages,
            .is_text = fixed.is_text};
}

void fill(Fixed &fixed, const HandedSession &session) noexcept {
    fixed.version = handed_version;
    fixed.size = sizeof(fixed);
    fixed.home = session.home;
    fixed.number = session.number;
    fixed.current = session.current;
    fixed.next = session.next;
    fixed.relay = session.relay;
    fixed.counts = session.counts;
    fixed.age = session.age;
    fixed.detached = session.detached;
    std::copy(std::begin(session.key), std::end(session.key), std::begin(fixed.key));
    fixed.replay_limit = session.limits.replay;
    fixed.grace = session.limits.grace;
    fixed.interval = session.limits.interval;
    fixed.window = session.limits.window;
    fixed.bytes = session.limits.bytes;
    fixed.name = session.name;
    fixed.keeps_messages = session.limits.keeps_messages;
    fixed.is_text = session.limits.is_text;
    std::size_t at = 0;
    for (const std::string_view text : texts_of(session)) {
        fixed.text_sizes[at++] = static_cast<std::uint32_t>(text.size());
    }
    fixed.held = session.held.size();
    fixed.replay = session.replay.size();
}

// What is known of bytes that another process has counted: an account that cannot be is refused.
[[nodiscard]] bool is_sound(const Fixed &fixed) noexcept {
    const Flow &flow = fixed.relay.to_backend;
    const StreamPositions &at = fixed.relay.streams.positions;
    return flow.acknowledged <= flow.written && flow.written <= flow.taken &&
           (flow.lost || flow.taken - flow.written == fixed.held) && at.delivered <= at.taken &&
           at.acknowledged <= at.sent && at.sent <= fixed.relay.streams.wrapped &&
           fixed.relay.streams.wrapped - at.acknowledged == fixed.replay &&
           fixed.name != ResumeName::none && fixed.name <= ResumeName::cloudproxy;
}

}  // namespace

std::size_t handed_size(const HandedSession &session) noexcept {
    std::size_t size = sizeof(Fixed) + session.held.size() + session.replay.size();
    for (const std::string_view text : texts_of(session)) {
        size += text.size();
    }
    return size;
}

std::span<std::uint8_t> write_handed(const HandedSession &session,
                                     std::span<std::uint8_t> to) noexcept {
    Fixed fixed;
    std::memset(static_cast<void *>(&fixed), 0, sizeof(fixed));
    fill(fixed, session);
    std::memcpy(to.data(), &fixed, sizeof(fixed));
    std::uint8_t *end = to.data() + sizeof(fixed);
    for (const std::string_view text : texts_of(session)) {
        end = std::copy(text.begin(), text.end(), end);
    }
    end = std::copy(session.held.begin(), session.held.end(), end);
    return {end, session.replay.size()};
}

bool read_handed(std::span<const std::uint8_t> message, HandedSession &session) noexcept {
    Fixed fixed;
    if (message.size() < sizeof(fixed)) {
        return false;
    }
    std::memcpy(&fixed, message.data(), sizeof(fixed));
    if (fixed.version != handed_version || fixed.size != sizeof(fixed) || !is_sound(fixed)) {
        return false;
    }
    std::span<const std::uint8_t> rest = message.subspan(sizeof(fixed));
    session.limits = limits_of(fixed);
    std::size_t at = 0;
    for (std::string_view *text : {&session.server, &session.location, &session.bound,
                                   &session.backend, &session.client, &session.limits.service}) {
        const std::size_t size = fixed.text_sizes[at++];
        if (size > rest.size()) {
            return false;
        }
        *text = {reinterpret_cast<const char *>(rest.data()), size};
        rest = rest.subspan(size);
    }
    if (fixed.held > rest.size() || fixed.replay != rest.size() - fixed.held) {
        return false;
    }
    session.held = rest.first(fixed.held);
    session.replay = rest.subspan(fixed.held);
    session.home = fixed.home;
    session.number = fixed.number;
    session.current = fixed.current;
    session.next = fixed.next;
    session.name = fixed.name;
    session.relay = fixed.relay;
    session.counts = fixed.counts;
    session.age = fixed.age;
    session.detached = fixed.detached;
    std::copy(std::begin(fixed.key), std::end(fixed.key), std::begin(session.key));
    return true;
}

}  // namespace ws
