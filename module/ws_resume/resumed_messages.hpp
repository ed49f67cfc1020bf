// The translator of a session that can be resumed, as its location's ws_framing needs it.
#pragma once

#include "module/ws_session/lending.hpp"
#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_relay/resume_translator.hpp"

namespace ngx_ws {

// What a session translates with. It lies in the session's pool, with all that it needs.
struct ResumedMessages {
    ws::ResumeTranslator *translator;  // null: there is no memory
    Lending *lending;                  // null for the stream, which needs none

    void release() const noexcept {
        translator->release();
        if (lending != nullptr) {
            lending->release();
        }
    }
};

[[nodiscard]] ResumedMessages make_translator(ngx_pool_t *pool, const LocConf &conf,
                                              ws::Session &session, const ws::ResumeTerms &terms,
                                              ws::Sids &sids) noexcept;

}  // namespace ngx_ws
