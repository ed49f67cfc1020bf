#include "module/ws_session/deflate.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_session/zlib_states.hpp"
#include "module/ws_settings/conf.hpp"

namespace ngx_ws {

namespace {

// Bytes that the sessions of this worker may come to hold.
size_t promised;

bool may_promise(ngx_http_request_t *r, size_t size) noexcept {
    const size_t limit =
        static_cast<MainConf *>(ngx_http_get_module_main_conf(r, ngx_http_ws_module))
            ->deflate_memory;
    return size <= limit && promised <= limit - size;
}

void on_pool_destroyed(void *deflation) {
    static_cast<Deflation *>(deflation)->release();
}

}  // namespace

Deflation::Deflation(const ws::DeflateNegotiation &negotiation, const DeflateConf &conf) noexcept
    : compression_(negotiation.parameters(), conf.min_length),
      settings_(conf.settings(negotiation.parameters().server_bits)),
      answer_size_(negotiation.write_answer(answer_).size()) {
}

Deflation *Deflation::negotiate(ngx_http_request_t *r, const ws::UpgradeRequest &request) noexcept {
    const DeflateConf &conf = loc_conf(r).deflate;
    ws::DeflateNegotiation negotiation(conf.policy());
    request.extensions().each([&](std::string_view value) { negotiation.take(value); });
    if (!negotiation.agreed()) {
        return nullptr;
    }
    auto *made = ngx::make<Deflation>(r->pool, negotiation, conf);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, 0);
    if (made == nullptr || cleanup == nullptr) {
        return nullptr;
    }
    const size_t size = made->most_memory();
    if (!may_promise(r, size)) {
        RequestLog log(r);
        ngx_log_error(NGX_LOG_INFO, log.get(), 0,
                      "ws: no compression, ws_deflate_memory is used up");
        return nullptr;
    }
    promised += size;
    made->promised_ = size;
    cleanup->handler = on_pool_destroyed;
    cleanup->data = made;
    return made;
}

// An inflater is kept while a message is open, with takeover for the rest of the session; a
// deflater only with takeover.
size_t Deflation::most_memory() const noexcept {
    const size_t inflater = inflater_size(compression_.inflater_bits());
    return compression_.agreed().server_no_takeover ? inflater
                                                    : inflater + deflater_size(settings_);
}

bool Deflation::lend_inflater() noexcept {
    if (inflater_ == nullptr) {
        inflater_ = take_inflater(compression_.inflater_bits());
        compression_.lend(inflater_);
    }
    return inflater_ != nullptr;
}

void Deflation::lend_deflater() noexcept {
    if (deflater_ == nullptr) {
        deflater_ = take_deflater(settings_);
        compression_.lend(deflater_);
    }
}

void Deflation::take_back() noexcept {
    if (inflater_ != nullptr && !compression_.keeps_inflater()) {
        give_back(std::exchange(inflater_, nullptr));
    }
    if (deflater_ != nullptr && !compression_.keeps_deflater()) {
        give_back(std::exchange(deflater_, nullptr));
    }
}

void Deflation::release() noexcept {
    if (inflater_ != nullptr) {
        give_back(std::exchange(inflater_, nullptr));
    }
    if (deflater_ != nullptr) {
        give_back(std::exchange(deflater_, nullptr));
    }
    promised -= std::exchange(promised_, 0);
}

}  // namespace ngx_ws
