// The secret name of a session, which says where it is as well. docs/resume-protocol.md, section 6.
#pragma once

#include "ngx_ws_filter/ws_resume/command.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

inline constexpr std::size_t max_node = 64;

// 1 to max_node letters, digits, "-" and "_".
[[nodiscard]] bool is_node_name(std::string_view text) noexcept;

using SidSecret = std::array<std::uint8_t, 16>;  // random bytes

struct Sid {
    std::string_view node;  // is_node_name()
    std::uint64_t worker;
    std::uint64_t session;
    SidSecret secret;
};

class SidText {
public:
    // Node, worker, session and secret with dots between them, all but the first in hexadecimal
    // digits of a fixed number: each SID has one text, of characters that no URL encodes.
    explicit SidText(const Sid &sid) noexcept;

    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

private:
    static constexpr std::size_t max_size = max_node + 3 + 16 + 16 + 32;

    std::array<char, max_size> text_;
    std::uint8_t size_;
};

// Reads the text of a SID. False if it is none of ours. The node lies in the text.
[[nodiscard]] bool read_sid(std::string_view text, Sid &sid) noexcept;

enum class SidMatch : std::uint8_t { unknown, current, next };

// The secrets that are valid for a session: one, and a second while it is on its way to the client.
class Sids {
public:
    explicit Sids(const SidSecret &current) noexcept : current_(current), next_(current) {}

    // As they were in another process, where `next` was offered if it differs.
    Sids(const SidSecret &current, const SidSecret &next) noexcept
        : current_(current), next_(next), pending_(current != next) {}

    // It takes the same time whatever the secret is.
    [[nodiscard]] SidMatch match(const SidSecret &secret) const noexcept;

    // A leg begins, whose client came with what matched. If that was the next one, the one before
    // it is unknown from now on.
    void accept(SidMatch match) noexcept;

    // The next one is valid, and not known to have arrived.
    [[nodiscard]] bool pending() const noexcept { return pending_; }
    [[nodiscard]] const SidSecret &current() const noexcept { return current_; }
    [[nodiscard]] const SidSecret &next() const noexcept { return next_; }

    // NEW_SID is about to be sent, with next(): a new one, or the one that is pending, in which
    // case `fresh` is not looked at. `position`: nothing of the service from there on was sent on
    // this leg, so that an ACK beyond proves that the SID has come; no_proof if something was.
    void offer(const SidSecret &fresh, std::uint64_t position) noexcept;
    static constexpr std::uint64_t no_proof = UINT64_MAX;
    void acknowledged(std::uint64_t position) noexcept;

    // Some bytes of an echo, as CommandReader gives them. `offered`: the text of next().
    void echo(std::span<const std::uint8_t> bytes, bool starts, bool ends,
              std::string_view offered) noexcept;

private:
    void use_next() noexcept;

    SidSecret current_;
    SidSecret next_;  // the same if none is pending
    std::uint64_t proof_ = no_proof;
    std::uint16_t echoed_ = 0;
    bool echo_differs_ = false;
    bool pending_ = false;
};

}  // namespace ws
