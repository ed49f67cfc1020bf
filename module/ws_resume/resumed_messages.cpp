#include "module/ws_resume/resumed_messages.hpp"

#include "module/ws_resume/replay_blocks.hpp"
#include "module/ws_resume/terms.hpp"

#include "ngx_ws_filter/ws_relay/message_translator.hpp"

namespace ngx_ws {

namespace {

// It is released and not destroyed.
template <typename T, typename... Arguments>
T *make(ngx_pool_t *pool, Arguments &&...arguments) noexcept {
    void *memory = ngx_palloc(pool, sizeof(T));
    return memory == nullptr ? nullptr : new (memory) T(std::forward<Arguments>(arguments)...);
}

}  // namespace

ResumedMessages make_translator(ngx_pool_t *pool, const LocConf &conf, ws::Session &session,
                                const ws::ResumeTerms &terms, ws::Sids &sids) noexcept {
    if (!terms.limits.keeps_messages) {
        return {make<ws::ResumeTranslator>(pool, session, terms, sids, replay_blocks()), nullptr};
    }
    auto *framing = make<Framing>(pool, conf.framing.settings);
    auto *lending = framing == nullptr ? nullptr : make<Lending>(pool, nullptr, framing);
    if (lending == nullptr) {
        return {nullptr, nullptr};
    }
    const ws::MessageTranslator::Options options = {.framer = &framing->framer(),
                                                    .max_message = max_message(conf)};
    return {
        make<ws::MessageTranslator>(pool, session, terms, sids, replay_blocks(), options, *lending),
        lending};
}

}  // namespace ngx_ws
