#include "module/ws_requests/context.hpp"

namespace ngx_ws {

namespace {

// By this handler the context is found among what the pool cleans up.
void on_pool_destroyed(void *) {
}

bool read_fields(ngx_http_request_t *r, ws::UpgradeRequest &request) noexcept {
    const auto more = [r] { return ngx::make<ws::FieldLine>(r->pool); };
    return ngx::each_request_field(r, [&](std::string_view name, std::string_view value) {
        return request.take(name, value, more);
    });
}

}  // namespace

Context *recall_context(ngx_http_request_t *r) noexcept {
    if (r != r->main || (!r->internal && !r->filter_finalize)) {
        return nullptr;
    }
    for (ngx_pool_cleanup_t *cleanup = r->pool->cleanup; cleanup != nullptr;
         cleanup = cleanup->next) {
        if (cleanup->handler == on_pool_destroyed) {
            auto *found = static_cast<Context *>(cleanup->data);
            ngx_http_set_ctx(r, found, ngx_http_ws_module);
            return found;
        }
    }
    return nullptr;
}

Context *context(ngx_http_request_t *r) noexcept {
    if (Context *found = find_context(r); found != nullptr) {
        return found;
    }
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(Context));
    if (cleanup == nullptr) {
        return nullptr;
    }
    auto *made = new (cleanup->data) Context;
    if (!read_fields(r, made->request)) {
        return nullptr;
    }
    cleanup->handler = on_pool_destroyed;
    ngx_http_set_ctx(r, made, ngx_http_ws_module);
    return made;
}

void begin_again(Context &ctx) noexcept {
    ctx = {.request = ctx.request,
           .status_zone = ctx.status_zone,
           .judge = ctx.judge,
           .origin = ctx.origin};
}

}  // namespace ngx_ws
