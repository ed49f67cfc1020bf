// Under which name a client speaks of resuming its session. docs/resume-protocol.md, section 1.
#pragma once

#include "ngx_ws_filter/ws_handshake/handshake.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace ws {

enum class ResumeName : std::uint8_t { none, own, ssh, cloudproxy };

// Ours, and then those of v4.
inline constexpr std::array resume_names{resume_subprotocol, std::string_view{"ssh"},
                                         std::string_view{"relay.tunnel.cloudproxy.app"}};

// What is answered in Sec-WebSocket-Protocol. Empty for none.
[[nodiscard]] constexpr std::string_view text(ResumeName name) noexcept {
    return name == ResumeName::none ? std::string_view{}
                                    : resume_names[static_cast<std::size_t>(name) - 1];
}

// It is spoken as published, without commands of ours.
[[nodiscard]] constexpr bool is_v4(ResumeName name) noexcept {
    return name == ResumeName::ssh || name == ResumeName::cloudproxy;
}
// The client bears a Ping.
[[nodiscard]] constexpr bool may_be_pinged(ResumeName name) noexcept {
    return name != ResumeName::cloudproxy;
}

// Ours wherever it stands, else the first of v4.
class ResumeChoice {
public:
    // `takes_v4`: not where messages are kept.
    explicit ResumeChoice(bool takes_v4) noexcept : takes_v4_(takes_v4) {}

    // One Sec-WebSocket-Protocol field line. An offer that is no token spoils the request, which
    // SubprotocolChoice then says.
    void offer(std::string_view field_value) noexcept;

    [[nodiscard]] ResumeName chosen() const noexcept { return chosen_; }
    // What SubprotocolChoice passes over when it chooses for the service, which speaks v4 only
    // where it is one of those that `lists` names.
    [[nodiscard]] std::span<const std::string_view> passed_over(bool lists) const noexcept {
        return std::span{resume_names}.first(takes_v4_ || !lists ? resume_names.size() : 1);
    }

private:
    [[nodiscard]] bool takes(ResumeName name) const noexcept;

    ResumeName chosen_ = ResumeName::none;
    bool takes_v4_;
};

}  // namespace ws
