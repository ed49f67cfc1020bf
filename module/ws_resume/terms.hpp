// What a location offers to a client that resumes.
#pragma once

#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_relay/resume_translator.hpp"
#include "ngx_ws_filter/ws_resume/resume_names.hpp"

namespace ngx_ws {

// `service`: the subprotocol that was agreed for the service. `is_text`: what it says is text.
// `is_kept`: the session waits for its client when that is gone.
[[nodiscard]] ws::ResumeTerms resume_terms(const LocConf &conf, ws::ResumeName name,
                                           std::string_view service, bool is_text,
                                           bool is_kept) noexcept;
// Bytes of the longest message that a client may send; 0: any number.
[[nodiscard]] uint64_t max_message(const LocConf &conf) noexcept;
[[nodiscard]] ws::Legs legs(const LocConf &conf, ws::ResumeName name, bool is_kept) noexcept;
// The same for one that was begun with these limits.
[[nodiscard]] ws::Legs legs(const LocConf &conf, ws::ResumeName name,
                            const ws::Limits &limits) noexcept;
[[nodiscard]] const ws::RelayOptions &relay_options(const LocConf &conf,
                                                    ws::ResumeName name) noexcept;

}  // namespace ngx_ws
