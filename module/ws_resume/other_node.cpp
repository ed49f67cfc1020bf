#include "module/ws_resume/other_node.hpp"

#include "module/ws_requests/context.hpp"
#include "module/ws_resume/identity.hpp"

#include "ngx_ws_filter/ws_resume/resume_request.hpp"

namespace ngx_ws {

namespace {

// In whichever location it is asked: before the one is known that takes the request, too.
bool may_resume(const ws::UpgradeRequest &request) noexcept {
    ws::ResumeChoice choice(true);
    request.subprotocols().each([&](std::string_view value) { choice.offer(value); });
    return request.wants_websocket() && choice.chosen() != ws::ResumeName::none;
}

}  // namespace

bool find_other_node(ngx_http_request_t *r, ngx_str_t &name) noexcept {
    name = ngx_null_string;
    const Context *ctx = context(r);
    if (ctx == nullptr) {
        return false;
    }
    if (!may_resume(ctx->request) || ctx->request.is_passed_on()) {
        return true;
    }
    ws::SidRoom room;
    ws::Sid sid;
    if (!ws::read_sid(ws::read_resume_request(ngx::view(r->args), room).sid, sid) ||
        sid.node == node_name()) {
        return true;
    }
    name = ngx::copy(r->pool, sid.node);
    return name.data != nullptr;
}

}  // namespace ngx_ws
