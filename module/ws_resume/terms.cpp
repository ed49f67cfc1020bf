#include "module/ws_resume/terms.hpp"

namespace ngx_ws {

namespace {

// docs/resume-protocol.md, section 5.
constexpr uint32_t ack_interval = 100;
constexpr uint32_t ack_bytes = 32 * 1024;
constexpr uint32_t window = 256 * 1024;

uint32_t bounded(uint64_t number) noexcept {
    return static_cast<uint32_t>(ngx_min(number, uint64_t{UINT32_MAX}));
}

// A record is held until it is whole, and nothing of it acknowledged before.
uint32_t window_of(const LocConf &conf) noexcept {
    return conf.framing.settings.has_records() ? bounded(ngx_max(max_message(conf), window))
                                               : window;
}

}  // namespace

uint64_t max_message(const LocConf &conf) noexcept {
    return conf.framing.settings.max_message(conf.framing.max_message_size(conf.max_message_size));
}

ws::ResumeTerms resume_terms(const LocConf &conf, ws::ResumeName name, std::string_view service,
                             bool is_text, bool is_kept) noexcept {
    return {.limits = {.replay = bounded(conf.resume.buffer),
                       .grace = is_kept ? bounded(conf.resume.timeout) : 0,
                       .interval = ack_interval,
                       .service = service,
                       .window = window_of(conf),
                       .bytes = ack_bytes,
                       .keeps_messages = conf.framing.settings.kind != ws::FramingKind::stream,
                       .is_text = is_text},
            .own_name = name == ws::ResumeName::own};
}

ws::Legs legs(const LocConf &conf, ws::ResumeName name, bool is_kept) noexcept {
    ws::Legs made;
    made.are_resumable = true;
    made.grace = is_kept ? conf.resume.timeout : 0;
    made.keeps_going_away = conf.resume.keeps_away();
    made.keeps_come_back = name == ws::ResumeName::own;
    return made;
}

ws::Legs legs(const LocConf &conf, ws::ResumeName name, const ws::Limits &limits) noexcept {
    ws::Legs made = legs(conf, name, true);
    made.grace = limits.grace;
    return made;
}

const ws::RelayOptions &relay_options(const LocConf &conf, ws::ResumeName name) noexcept {
    return ws::may_be_pinged(name) ? conf.relay.resumed : conf.relay.unpinged;
}

}  // namespace ngx_ws
